-- What platforms report for each region of the world, beside their totals.
--
-- The regions of a year do not add up to the total that is published for the
-- same year; nothing is scaled to make them. Shares are of the regions' sum.
--
-- grain: metric, platform, year, region
-- references: region -> gold.dim_geography.region
-- check: region_share is null or region_share between 0 and 1

with

regional as (

    select
        yearly.metric,
        yearly.platform,
        yearly.year,
        yearly.region,
        yearly.value,
        yearly.unit,
        sum(yearly.value) over (
            partition by yearly.metric, yearly.platform, yearly.year
        ) as sum_of_regions
    from gold.platform_metrics_yearly as yearly
    inner join gold.dim_geography on yearly.region = dim_geography.region
    where dim_geography.level = 'world region'

)

select
    regional.metric,                        -- what is measured; see silver.platform_metrics
    regional.platform,                      -- see gold.dim_platform
    regional.year,                          -- calendar year
    regional.region,                        -- see gold.dim_geography
    regional.value,                         -- the region's figure
    regional.unit,                          -- its unit
    cast(regional.value as double)
    / cast(nullif(regional.sum_of_regions, 0) as double) as region_share, -- its part of the regions' sum
    growth.yoy_growth_rate,                 -- growth over the year before
    regional.sum_of_regions,                -- the regions together
    world.value as world_value,             -- the published total
    regional.sum_of_regions - world.value as difference -- regions together less the total
from regional
left join gold.platform_growth_yearly as growth
    on regional.metric = growth.metric
    and regional.platform = growth.platform
    and regional.region = growth.region
    and regional.year = growth.year
left join gold.platform_metrics_yearly as world
    on regional.metric = world.metric
    and regional.platform = world.platform
    and regional.year = world.year
    and world.region = 'World'
