-- What each user's live subscriptions are worth at the end of each month.
--
-- One row per user, plan and month on whose last day the user has a live
-- subscription of the plan; for the month of `silver.as_of`, on that date. The
-- other figures of MRR and retention are made from these rows. Prices count,
-- not payments, so a month whose payments are missing still has its MRR. A
-- subscription without a known price counts as a subscription and adds nothing.
--
-- grain: month, user_id, plan, currency
-- check: mrr is null or mrr >= 0
-- check: subscriptions > 0
-- check: unpriced_subscriptions between 0 and subscriptions
-- check: (mrr is null) = (unpriced_subscriptions = subscriptions)

with

spans as (

    select
        subscriptions.user_id,
        subscriptions.plan,
        subscriptions.currency,
        subscriptions.price,
        cast(date_trunc('month', subscriptions.start_date) as date) as first_month,
        cast(
            case
                when subscriptions.end_date is null or subscriptions.end_date > as_of.as_of
                    then date_trunc('month', as_of.as_of)
                else date_trunc('month', subscriptions.end_date) - interval '1 month'
            end as date
        ) as last_month
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of

),

live as (

    select
        user_id,
        plan,
        currency,
        price,
        unnest(generate_series(first_month, last_month, interval '1 month')) as month
    from spans
    where first_month <= last_month

)

select
    month,                                  -- first day of the month
    user_id,                                -- who is subscribed
    plan,                                   -- the plan's name
    currency,                               -- currency of the prices
    sum(price) as mrr,                      -- prices of the live subscriptions; null where none is known
    count(*) as subscriptions,              -- live subscriptions of the plan
    count(*) filter (where price is null) as unpriced_subscriptions -- of those, without a known price
from live
group by month, user_id, plan, currency
