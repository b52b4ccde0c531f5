-- Which marketing channel brings the users who pay the most?
--
-- Currencies are ranked one by one, never against each other.
--
-- tags: demo
-- param: limit bigint = 10

with

ranked as (

    select
        marketing_channel,
        currency,
        users,
        lifetime_value,
        avg_lifetime_value,
        row_number() over (
            partition by currency
            order by avg_lifetime_value desc, marketing_channel
        ) as place
    from gold.ltv_by_marketing_channel

)

select
    marketing_channel,                      -- where the users came from
    currency,                               -- currency of the amounts
    users,                                  -- users of the channel
    lifetime_value,                         -- what they paid so far
    avg_lifetime_value                      -- per user
from ranked
where place <= $limit
order by currency, place
