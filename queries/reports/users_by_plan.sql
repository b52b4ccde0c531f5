-- How many users are on each plan?

select
    plan,                                   -- the plan's name; none for users without one
    users,                                  -- users on it, or on it last
    user_share,                             -- of all users
    subscribed_users,                       -- of the plan's users, with a live subscription
    active_users                            -- of the plan's users, with a session in the last 30 days
from gold.user_distribution_by_plan
order by users desc, plan
