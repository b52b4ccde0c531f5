-- Which features drive interaction on each plan.
--
-- Counted as in `gold.feature_usage`; the plan is the one the user was on when
-- interacting, `none` without one. Shares are of all interactions of the plan.
--
-- grain: plan, feature
-- references: feature -> gold.feature_usage.feature
-- check: users <= interactions
-- check: interaction_share between 0 and 1

with

user_features as (

    select
        coalesce(interactions.plan, 'none') as plan,
        interaction_features.feature,
        interactions.user_id,
        count(*) as interactions,
        sum(interactions.duration_minutes) as minutes
    from silver.interaction_features
    inner join silver.interactions
        on interaction_features.month = interactions.month
        and interaction_features.interaction_id = interactions.interaction_id
    cross join silver.as_of
    where interactions.interaction_date <= as_of.as_of
    group by coalesce(interactions.plan, 'none'), interaction_features.feature, interactions.user_id

),

features as (

    select
        plan,
        feature,
        sum(interactions) as interactions,
        count(*) as users,
        coalesce(sum(minutes), 0) as minutes
    from user_features
    group by plan, feature

),

totals as (

    select
        plan,
        sum(interactions) as interactions
    from gold.monthly_active_users_by_plan
    group by plan

)

select
    features.plan,                          -- the plan's name, or none
    features.feature,                       -- one feature
    features.interactions,                  -- interactions that used it
    features.users,                         -- different users who did
    features.minutes,                       -- minutes of those interactions
    cast(features.interactions as double) / totals.interactions as interaction_share, -- of the plan's interactions
    rank() over (
        partition by features.plan
        order by features.interactions desc
    ) as place                              -- 1 is used the most on the plan
from features
inner join totals on features.plan = totals.plan
