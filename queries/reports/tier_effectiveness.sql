-- Which plan does best, by its users' activity and engagement and its revenue?

select
    plan,                                   -- the plan's name; none for users without one
    tier_effectiveness,                     -- mean of the known parts, 0 to 1
    active_share,                           -- of its users, with a session in the last 30 days
    avg_engagement_score,                   -- mean engagement of its users
    revenue_score,                          -- estimated revenue over that of the best plan of its currency
    users                                   -- users on it, or on it last
from gold.tier_effectiveness
order by tier_effectiveness desc, plan
