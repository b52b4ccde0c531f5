-- How much each figure about a platform grew in each year.
--
-- Growth is over the calendar year just before; it is null where that year has
-- no figure, and the rate also where it is zero or negative.
--
-- grain: metric, platform, region, year
-- check: previous_value is null or growth = value - previous_value
-- check: yoy_growth_rate is null or previous_value > 0
-- varies: yoy_growth_rate over year

select
    this_year.metric,                       -- what is measured; see silver.platform_metrics
    this_year.platform,                     -- see gold.dim_platform
    this_year.region,                       -- see gold.dim_geography
    this_year.year,                         -- calendar year
    this_year.value,                        -- the year's figure, in its unit
    this_year.unit,                         -- the unit of the figures
    year_before.value as previous_value,    -- the figure of the year before
    this_year.value - year_before.value as growth, -- more than then
    case
        when year_before.value > 0
            then cast(this_year.value as double) / cast(year_before.value as double) - 1
    end as yoy_growth_rate                  -- growth over the figure of the year before
from gold.platform_metrics_yearly as this_year
left join gold.platform_metrics_yearly as year_before
    on this_year.metric = year_before.metric
    and this_year.platform = year_before.platform
    and this_year.region = year_before.region
    and this_year.year = year_before.year + 1
