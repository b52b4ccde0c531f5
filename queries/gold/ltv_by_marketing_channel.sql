-- What a user of each marketing channel has paid so far, on average.
--
-- All users of the channel count, also those who never paid. Where
-- payments are in several currencies, each has rows of its own with the same
-- users; they must never be added.
--
-- grain: marketing_channel, currency
-- check: paying_users <= users

select
    coalesce(dim_users.marketing_channel, 'unknown') as marketing_channel, -- where the users came from
    ltv_by_user.currency,                   -- currency of the amounts
    count(*) as users,                      -- users of the channel
    count(*) filter (where ltv_by_user.successful_payments > 0) as paying_users, -- of those, paid at least once
    sum(ltv_by_user.lifetime_value) as lifetime_value, -- sum of successful payments
    round(
        cast(sum(ltv_by_user.lifetime_value) as decimal(20,6)) / count(*), 4
    ) as avg_lifetime_value                 -- per user (ltv_realized)
from gold.ltv_by_user
inner join gold.dim_users on ltv_by_user.user_id = dim_users.user_id
group by coalesce(dim_users.marketing_channel, 'unknown'), ltv_by_user.currency
