-- Which users are active, by their latest interaction.
--
-- A user is active when the latest interaction lies at most as many days before
-- `silver.as_of` as `silver.settings` says: day 30 is active, day 31 is not.
-- Users without any interaction have a row, with 0 interactions, and are
-- inactive. Interactions after as_of do not count, and users who register after
-- as_of have no row. Rejected interactions count nowhere; see
-- `silver.rejected_interactions`.
--
-- grain: user_id
-- not_null: total_interactions
-- accepted: activity in (Active, Inactive)
-- references: user_id -> silver.users.user_id
-- check: total_interactions >= 0
-- check: (total_interactions = 0) = (last_interaction is null)
-- check: first_interaction is null or first_interaction <= last_interaction
-- check: days_since_last_activity is null or days_since_last_activity >= 0
-- check: total_interactions > 0 or activity = 'Inactive'

with

interacted as (

    select
        interactions.user_id,
        count(*) as total_interactions,
        min(interactions.interaction_date) as first_interaction,
        max(interactions.interaction_date) as last_interaction
    from silver.interactions
    cross join silver.as_of
    where interactions.interaction_date <= as_of.as_of
    group by interactions.user_id

),

on_plans as (

    select
        user_plans.user_id,
        user_plans.plan
    from silver.user_plans
    cross join silver.as_of
    where
        user_plans.valid_from <= as_of.as_of
        and (user_plans.valid_to is null or user_plans.valid_to > as_of.as_of)

)

select
    users.user_id,                          -- see silver.users
    users.company_name,                     -- company, where customers are companies
    on_plans.plan as subscription_plan,     -- the plan the user is on at as_of; null without one
    coalesce(interacted.total_interactions, 0) as total_interactions, -- interactions so far
    interacted.first_interaction,           -- day of the first
    interacted.last_interaction,            -- day of the latest
    as_of.as_of - interacted.last_interaction as days_since_last_activity, -- days from it to as_of; null without one
    case
        when as_of.as_of - interacted.last_interaction <= settings.active_days then 'Active'
        else 'Inactive'
    end as activity                         -- Active or Inactive
from silver.users
cross join silver.settings
left join silver.as_of on true
left join interacted on users.user_id = interacted.user_id
left join on_plans on users.user_id = on_plans.user_id
where users.join_date is null or as_of.as_of is null or users.join_date <= as_of.as_of
