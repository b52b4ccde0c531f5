-- What a user of each marketing channel has paid so far, on average.
--
-- All users of the channel count, also those who never paid.
--
-- grain: marketing_channel
-- check: paying_users <= users

select
    coalesce(marketing_channel, 'unknown') as marketing_channel, -- where the users came from
    count(*) as users,                      -- users of the channel
    count(*) filter (where successful_payments > 0) as paying_users, -- of those, paid at least once
    sum(lifetime_value) as lifetime_value,  -- sum of successful payments
    round(cast(sum(lifetime_value) as decimal(20,6)) / count(*), 4) as avg_lifetime_value -- per user (ltv_realized)
from gold.dim_users
group by coalesce(marketing_channel, 'unknown')
