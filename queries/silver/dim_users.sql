-- Every user with the latest plan, under the names of the normalised WoWCinema schema.
--
-- Bank accounts stay in bronze.
--
-- materialized: view
-- grain: id_user

with

latest as (

    select
        user_id,
        plan,
        start_date,
        row_number() over (
            partition by user_id
            order by start_date desc, subscription_id desc
        ) as place
    from silver.subscriptions

)

select
    users.user_id as id_user,               -- the user's number
    users.first_name,                       -- first name, without outer blanks
    users.last_name,                        -- last name, without outer blanks
    users.birth_date,                       -- date of birth
    plans.plan_id as id_plan,               -- number of the latest plan; see silver.dim_subscriptions
    latest.plan as subscription_plan,       -- its name
    latest.start_date as subscription_start_date -- first day on it
from silver.users
left join latest on users.user_id = latest.user_id and latest.place = 1
left join silver.plans on latest.plan = plans.plan
