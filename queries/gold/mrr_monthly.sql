-- Monthly recurring revenue at the end of each month, plan by plan.
--
-- The sum of the prices of the subscriptions that are live on the month's last
-- day. A month that is not over on the date of `silver.as_of` is partial and
-- looked at on that date. A plan that nobody is on at a month's end has no row.
-- Amounts of different currencies must never be added. Subscribers of several
-- plans do not add up where a user is on two.
--
-- grain: month, plan, currency
-- check: mrr is null or mrr >= 0
-- check: subscribers <= subscriptions
-- check: unpriced_subscriptions <= subscriptions

select
    by_user.month,                          -- first day of the month
    by_user.plan,                           -- the plan's name
    by_user.currency,                       -- currency of the prices
    cast(by_user.month + interval '1 month' - interval '1 day' as date)
    > as_of.as_of as is_partial,            -- the month was not over at as_of
    sum(by_user.mrr) as mrr,                -- prices of the live subscriptions; null where none is known
    count(*) as subscribers,                -- users on the plan
    sum(by_user.subscriptions) as subscriptions, -- their subscriptions of it
    sum(by_user.unpriced_subscriptions) as unpriced_subscriptions -- of those, without a known price, which MRR lacks
from gold.mrr_by_user_monthly as by_user
cross join silver.as_of
group by by_user.month, by_user.plan, by_user.currency, as_of.as_of
