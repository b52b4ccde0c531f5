-- Users who have watched and users who have not are all users, by plan and in all.

with

listed as (

    select count(*) as users
    from silver.users
    left join silver.as_of on true
    where users.join_date is null or as_of.as_of is null or users.join_date <= as_of.as_of

),

by_status as (

    select coalesce(sum(users), 0) as users
    from gold.act_inact_user_report

),

by_plan as (

    select coalesce(sum(users), 0) as users
    from gold.user_distribution_by_plan

),

by_plan_and_status as (

    select coalesce(sum(users), 0) as users
    from gold.active_and_inactive_users_by_subscription_plan

)

select
    listed.users,
    by_status.users as users_by_status,
    by_plan.users as users_by_plan,
    by_plan_and_status.users as users_by_plan_and_status
from listed
cross join by_status
cross join by_plan
cross join by_plan_and_status
where
    listed.users <> by_status.users
    or listed.users <> by_plan.users
    or listed.users <> by_plan_and_status.users
