-- Which features each interaction used.
--
-- One row per interaction and feature. Lists are split at commas, blanks around
-- a name and empty pieces are dropped, a name repeated counts once.
--
-- partition_by: month
-- grain: month, interaction_id, feature

with

pieces as (

    select
        month,
        interaction_id,
        trim(unnest(string_to_array(features, ','))) as feature
    from silver.interactions

)

select distinct
    month,                                  -- first day of the interaction's month
    interaction_id,                         -- see silver.interactions
    feature                                 -- one feature
from pieces
where feature <> ''
