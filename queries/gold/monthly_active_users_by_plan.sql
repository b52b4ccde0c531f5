-- How many different users interacted in each month, by plan.
--
-- The plan is the one the user was on when interacting, `none` without one. A
-- user who changed plans within a month counts under both, so users of plans do
-- not add up to users of the month. Interactions after `silver.as_of` do not
-- count. A month whose last day lies after as_of is partial and must not be
-- compared with complete ones. A month without interactions has no row.
--
-- grain: month, plan
-- check: users <= interactions
-- varies: interactions_per_user over month

with

user_months as (

    select
        interactions.month,
        coalesce(interactions.plan, 'none') as plan,
        interactions.user_id,
        count(*) as interactions
    from silver.interactions
    cross join silver.as_of
    where interactions.interaction_date <= as_of.as_of
    group by interactions.month, coalesce(interactions.plan, 'none'), interactions.user_id

),

counted as (

    select
        month,
        plan,
        count(*) as users,
        sum(interactions) as interactions
    from user_months
    group by month, plan

)

select
    counted.month,                          -- first day of the month
    counted.plan,                           -- the plan's name, or none
    counted.users,                          -- different users who interacted
    counted.interactions,                   -- their interactions
    cast(counted.interactions as double) / counted.users as interactions_per_user, -- mean
    cast(counted.month + interval '1 month' - interval '1 day' as date)
    > as_of.as_of as is_partial             -- the month was not over at as_of
from counted
cross join silver.as_of
