-- Which plan each user was on, day by day, as periods that never overlap.
--
-- On each day the live subscription that began last counts; when it ends before
-- an earlier one does, the earlier one counts again. A subscription that ends on
-- the day it began was never live.
--
-- grain: user_id, valid_from
-- not_null: plan
-- check: valid_to is null or valid_to > valid_from

with

bounds as (

    select
        user_id,
        start_date as day
    from silver.subscriptions
    union
    select
        user_id,
        end_date as day
    from silver.subscriptions
    where end_date is not null

),

periods as (

    select
        user_id,
        day as valid_from,
        lead(day) over (partition by user_id order by day) as valid_to
    from bounds

),

live as (

    select
        periods.user_id,
        periods.valid_from,
        periods.valid_to,
        subscriptions.plan,
        subscriptions.subscription_id,
        row_number() over (
            partition by periods.user_id, periods.valid_from
            order by subscriptions.start_date desc, subscriptions.subscription_id desc
        ) as place
    from periods
    inner join silver.subscriptions
        on periods.user_id = subscriptions.user_id
        and subscriptions.start_date <= periods.valid_from
        and (subscriptions.end_date is null or subscriptions.end_date > periods.valid_from)

)

select
    user_id,                                -- who
    plan,                                   -- the plan's name
    subscription_id,                        -- see silver.subscriptions
    valid_from,                             -- first day of the period
    valid_to                                -- first day after it; null while open
from live
where place = 1
