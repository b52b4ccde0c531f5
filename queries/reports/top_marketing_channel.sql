-- Which marketing channel brings the users who pay the most?
--
-- tags: demo
-- param: limit bigint = 10

select
    marketing_channel,                      -- where the users came from
    users,                                  -- users of the channel
    lifetime_value,                         -- what they paid so far
    avg_lifetime_value                      -- per user
from gold.ltv_by_marketing_channel
order by avg_lifetime_value desc, marketing_channel
limit $limit
