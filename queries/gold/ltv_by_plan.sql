-- What a user on each plan has paid so far, on average.
--
-- A user belongs to the current plan of `gold.dim_users`, with all that was paid
-- so far, also for earlier plans; who never subscribed has the plan `none`. All
-- users of the plan count, also those who never paid. Where payments are in
-- several currencies, each has rows of its own with the same users; they must
-- never be added.
--
-- grain: plan, currency
-- check: paying_users <= users

select
    coalesce(dim_users.current_plan_type, 'none') as plan, -- the users' current plan
    ltv_by_user.currency,                   -- currency of the amounts
    count(*) as users,                      -- users of the plan
    count(*) filter (where ltv_by_user.successful_payments > 0) as paying_users, -- of those, paid at least once
    sum(ltv_by_user.lifetime_value) as lifetime_value, -- sum of successful payments
    round(
        cast(sum(ltv_by_user.lifetime_value) as decimal(20,6)) / count(*), 4
    ) as avg_lifetime_value                 -- per user (ltv_realized)
from gold.ltv_by_user
inner join gold.dim_users on ltv_by_user.user_id = dim_users.user_id
group by coalesce(dim_users.current_plan_type, 'none'), ltv_by_user.currency
