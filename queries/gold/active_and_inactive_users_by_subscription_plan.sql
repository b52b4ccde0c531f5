-- How many users of each plan have ever watched, and how many never.
--
-- Active is who has at least one session. Plans without users are left out.
--
-- materialized: view
-- grain: plan, status
-- accepted: status in (active users, inactive users)
-- check: users <= users_of_plan
-- check: user_share between 0 and 1

with

statuses as (

    select
        plan,
        'active users' as status,
        ever_active_users as users,
        users as users_of_plan
    from gold.user_distribution_by_plan
    union all
    select
        plan,
        'inactive users' as status,
        users - ever_active_users as users,
        users as users_of_plan
    from gold.user_distribution_by_plan

)

select
    plan,                                   -- the plan's name; none for users without one
    status,                                 -- active users or inactive users
    users,                                  -- users of the plan with that status
    users_of_plan,                          -- all users of the plan
    cast(users as double) / users_of_plan as user_share -- of the plan's users
from statuses
where users_of_plan > 0
