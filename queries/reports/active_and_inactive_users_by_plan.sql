-- How many users of each plan have ever watched, and how many never?
--
-- Then the same of all plans together.

with

listed as (

    select
        false as is_total,
        plan,
        status,
        users,
        user_share
    from gold.active_and_inactive_users_by_subscription_plan
    union all
    select
        true as is_total,
        'all plans' as plan,
        status,
        users,
        cast(users as double) / nullif(sum(users) over (), 0) as user_share
    from gold.act_inact_user_report

)

select
    plan,                                   -- the plan's name, or all of them
    status,                                 -- active users or inactive users
    users,                                  -- users of that status
    user_share                              -- of the plan's users
from listed
order by is_total, plan, status
