-- Which kinds of users stop watching?
--
-- `segment_kind` chooses one of all, age group, country, region, city and plan.
-- The share of inactive users among those with a live subscription decides; small
-- segments are left out.
--
-- param: segment_kind text = null
-- param: min_users bigint = 1

select
    segment_kind,                           -- what the users are divided by
    segment,                                -- the users' value of it
    users,                                  -- users of the segment
    subscribed_users,                       -- of those, with a live subscription
    inactive_subscribed_users,              -- of those, without a session in the last 30 days
    inactivity_rate_30d,                    -- their share
    inactivity_rate_30d_all_users           -- the same over all users
from gold.inactivity_by_segment
where users >= $min_users and ($segment_kind is null or segment_kind = lower($segment_kind))
order by segment_kind, inactivity_rate_30d desc nulls last, segment
