-- Interactions that are neither counted nor rejected, or both.

with

landed as (

    select count(*) as interactions
    from bronze.interactions
    where _current

),

counted as (

    select count(*) as interactions
    from silver.interactions

),

rejected as (

    select count(*) as interactions
    from silver.rejected_interactions

)

select
    landed.interactions as landed_interactions,
    counted.interactions as counted_interactions,
    rejected.interactions as rejected_interactions
from landed
cross join counted
cross join rejected
where landed.interactions <> counted.interactions + rejected.interactions
