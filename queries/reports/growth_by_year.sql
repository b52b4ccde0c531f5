-- How much did a platform's figures grow in each year?
--
-- param: platform text = null
-- param: metric text = 'reported_revenue'

select
    platform,                               -- see gold.dim_platform
    metric,                                 -- what is measured
    region,                                 -- the world, a part of it or a country
    year,                                   -- calendar year
    value,                                  -- the year's figure
    growth,                                 -- more than the year before
    yoy_growth_rate                         -- the same over the year before
from gold.platform_growth_yearly
where
    lower(platform) = lower(coalesce($platform, platform))
    and metric = coalesce($metric, metric)
order by platform, metric, region, year
