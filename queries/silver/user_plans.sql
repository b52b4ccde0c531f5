-- Which plan each user was on, day by day, as periods that never overlap.
--
-- Where two subscriptions of a user overlap, the one that began later counts
-- from its start on.
--
-- grain: user_id, valid_from
-- not_null: plan
-- check: valid_to is null or valid_to > valid_from

with

periods as (

    select
        user_id,
        plan,
        subscription_id,
        start_date,
        end_date,
        lead(start_date) over (
            partition by user_id
            order by start_date, subscription_id
        ) as next_start_date
    from silver.subscriptions

)

select
    user_id,                                -- who
    plan,                                   -- the plan's name
    subscription_id,                        -- see silver.subscriptions
    start_date as valid_from,               -- first day on the plan
    case
        when next_start_date < coalesce(end_date, next_start_date + interval '1 day')
            then next_start_date
        else end_date
    end as valid_to                         -- first day no longer on it; null while open
from periods
where
    (next_start_date is null or next_start_date > start_date)
    and (end_date is null or end_date > start_date)
