-- How many interactions each day had, beside those of its month.
--
-- Interactions after `silver.as_of` do not count. A day without interactions
-- has no row.
--
-- grain: day
-- check: interactions <= month_interactions
-- check: users <= interactions

with

user_days as (

    select
        interactions.interaction_date as day,
        interactions.month,
        interactions.user_id,
        count(*) as interactions
    from silver.interactions
    cross join silver.as_of
    where interactions.interaction_date <= as_of.as_of
    group by interactions.interaction_date, interactions.month, interactions.user_id

),

days as (

    select
        day,
        month,
        count(*) as users,
        sum(interactions) as interactions
    from user_days
    group by day, month

)

select
    day,                                    -- the day
    month,                                  -- first day of its month
    interactions,                           -- interactions on the day
    users,                                  -- different users who interacted
    sum(interactions) over (partition by month) as month_interactions -- interactions of the whole month
from days
