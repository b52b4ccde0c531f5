-- What has a user of each plan, country or marketing channel paid so far?
--
-- The dimension is `plan`, `country` or `marketing_channel`.
--
-- param: dimension text = plan
-- param: limit bigint = 20

with

groups as (

    select
        'plan' as dimension,
        plan as value,
        currency,
        users,
        paying_users,
        lifetime_value,
        avg_lifetime_value
    from gold.ltv_by_plan
    union all
    select
        'country' as dimension,
        country as value,
        currency,
        users,
        paying_users,
        lifetime_value,
        avg_lifetime_value
    from gold.ltv_by_country
    union all
    select
        'marketing_channel' as dimension,
        marketing_channel as value,
        currency,
        users,
        paying_users,
        lifetime_value,
        avg_lifetime_value
    from gold.ltv_by_marketing_channel

)

select
    value,                                  -- the plan, country or channel
    currency,                               -- currency of the amounts
    users,                                  -- its users
    paying_users,                           -- of those, paid at least once
    lifetime_value,                         -- what they paid so far
    avg_lifetime_value                      -- per user
from groups
where dimension = $dimension
order by currency, avg_lifetime_value desc, value
limit $limit
