-- Which features drive interaction.
--
-- An interaction that used several features counts in full for each, with all
-- of its minutes: interactions, minutes and shares do not add up. Shares are of
-- all interactions, those without a feature included. Interactions after
-- `silver.as_of` do not count.
--
-- grain: feature
-- check: users <= interactions
-- check: interaction_share between 0 and 1

with

user_features as (

    select
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
    group by interaction_features.feature, interactions.user_id

),

features as (

    select
        feature,
        sum(interactions) as interactions,
        count(*) as users,
        coalesce(sum(minutes), 0) as minutes
    from user_features
    group by feature

),

total as (

    select count(*) as interactions
    from silver.interactions
    cross join silver.as_of
    where interactions.interaction_date <= as_of.as_of

)

select
    features.feature,                       -- one feature
    features.interactions,                  -- interactions that used it
    features.users,                         -- different users who did
    features.minutes,                       -- minutes of those interactions
    cast(features.interactions as double) / total.interactions as interaction_share, -- of all interactions
    rank() over (order by features.interactions desc) as place -- 1 is used the most
from features
cross join total
