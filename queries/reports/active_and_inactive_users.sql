-- Who is active and who is not?
--
-- Those who have been away the longest come first, those who never came before
-- them. `plan` chooses one plan, `none` users without one. `activity` chooses
-- Active or Inactive.
--
-- param: as_of date = null
-- param: plan text = null
-- param: activity text = null
-- param: limit bigint = 100

with

looked_at as (

    select coalesce(cast($as_of as date), max(as_of)) as as_of
    from silver.as_of

),

interacted as (

    select
        interactions.user_id,
        count(*) as total_interactions,
        max(interactions.interaction_date) as last_interaction
    from silver.interactions
    cross join looked_at
    where interactions.interaction_date <= looked_at.as_of
    group by interactions.user_id

),

on_plans as (

    select
        user_plans.user_id,
        user_plans.plan
    from silver.user_plans
    cross join looked_at
    where
        user_plans.valid_from <= looked_at.as_of
        and (user_plans.valid_to is null or user_plans.valid_to > looked_at.as_of)

),

judged as (

    select
        users.user_id,
        users.company_name,
        coalesce(on_plans.plan, 'none') as plan,
        coalesce(interacted.total_interactions, 0) as total_interactions,
        interacted.last_interaction,
        looked_at.as_of - interacted.last_interaction as days_since_last_activity,
        case
            when looked_at.as_of - interacted.last_interaction <= settings.active_days then 'Active'
            else 'Inactive'
        end as activity
    from silver.users
    cross join silver.settings
    cross join looked_at
    left join interacted on users.user_id = interacted.user_id
    left join on_plans on users.user_id = on_plans.user_id
    where users.join_date is null or users.join_date <= looked_at.as_of

)

select
    user_id,                                -- see silver.users
    company_name,                           -- company, where customers are companies
    plan,                                   -- the plan at as_of, or none
    total_interactions,                     -- interactions so far
    last_interaction,                       -- day of the latest
    days_since_last_activity,               -- days from it to as_of
    activity                                -- Active or Inactive
from judged
where
    lower(plan) = lower(coalesce($plan, plan))
    and lower(activity) = lower(coalesce($activity, activity))
order by days_since_last_activity desc nulls first, user_id
limit $limit
