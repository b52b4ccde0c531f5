-- Which features drive interaction?
--
-- An interaction that used several features counts in full for each. With a
-- plan, only interactions made on that plan count, on both sides of the share;
-- `none` stands for users without one.
--
-- param: as_of date = null
-- param: plan text = null
-- param: limit bigint = 10

with

chosen as (

    select
        interactions.month,
        interactions.interaction_id,
        interactions.user_id,
        interactions.duration_minutes
    from silver.interactions
    cross join silver.as_of
    where
        interactions.interaction_date <= coalesce(cast($as_of as date), as_of.as_of)
        and lower(coalesce(interactions.plan, 'none')) = lower(coalesce($plan, interactions.plan, 'none'))

),

total as (

    select count(*) as interactions
    from chosen

)

select
    interaction_features.feature,           -- one feature
    count(*) as interactions,               -- interactions that used it
    count(distinct chosen.user_id) as users, -- different users who did
    coalesce(sum(chosen.duration_minutes), 0) as minutes, -- minutes of those interactions
    cast(count(*) as double) / max(total.interactions) as interaction_share -- of all interactions
from silver.interaction_features
inner join chosen
    on interaction_features.month = chosen.month
    and interaction_features.interaction_id = chosen.interaction_id
cross join total
group by interaction_features.feature
order by interactions desc, interaction_features.feature
limit $limit
