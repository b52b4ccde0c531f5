-- How have the platforms grown, from their first period to their last?
--
-- `cagr` is compound growth a year over the intervals, `mean_growth_rate` the
-- plain mean of the rates from period to period.
--
-- param: platform text = null
-- param: metric text = null

select
    platform,                               -- see gold.dim_platform
    metric,                                 -- what is measured
    region,                                 -- the world, a part of it or a country
    period_grain,                           -- year, half or quarter
    first_period,                           -- the earliest period
    first_value,                            -- its figure
    last_period,                            -- the latest period
    last_value,                             -- its figure
    total_growth,                           -- last less first
    total_growth_rate,                      -- the same over the first
    intervals,                              -- steps from the first period to the last
    cagr,                                   -- compound growth a year
    mean_growth_rate                        -- plain mean of the rates
from gold.platform_growth
where
    lower(platform) = lower(coalesce($platform, platform))
    and metric = coalesce($metric, metric)
order by platform, metric, region, period_grain
