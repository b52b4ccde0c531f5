-- How do plans influence behaviour?
--
-- A user counts under the plan at as_of, with all interactions so far; `none`
-- holds users without a plan.
--
-- param: as_of date = null
-- param: plan text = null

with

looked_at as (

    select coalesce(cast($as_of as date), max(as_of)) as as_of
    from silver.as_of

),

interacted as (

    select
        interactions.user_id,
        count(*) as interactions,
        sum(interactions.duration_minutes) as minutes,
        count(interactions.duration_minutes) as timed_interactions,
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

counted as (

    select
        coalesce(on_plans.plan, 'none') as plan,
        count(*) as users,
        count(*) filter (
            where looked_at.as_of - interacted.last_interaction <= settings.active_days
        ) as active_users,
        count(interacted.user_id) as users_with_interactions,
        coalesce(sum(interacted.interactions), 0) as interactions,
        sum(interacted.minutes) as minutes,
        sum(interacted.timed_interactions) as timed_interactions
    from silver.users
    cross join silver.settings
    cross join looked_at
    left join interacted on users.user_id = interacted.user_id
    left join on_plans on users.user_id = on_plans.user_id
    where users.join_date is null or users.join_date <= looked_at.as_of
    group by coalesce(on_plans.plan, 'none')

)

select
    plan,                                   -- the plan at as_of, or none
    users,                                  -- users on it
    users_with_interactions,                -- of those, interacted at least once
    active_users,                           -- of those, active at as_of
    cast(active_users as double) / users as active_share, -- active over users
    interactions,                           -- interactions so far
    cast(interactions as double) / users as interactions_per_user, -- mean, users without any included
    cast(minutes as double) / nullif(timed_interactions, 0) as avg_minutes -- an interaction, where its length is known
from counted
where lower(plan) = lower(coalesce($plan, plan))
order by interactions_per_user desc, plan
