-- Which share of a year's total each platform has, among those that report it.
--
-- Both sides of the division are of one metric and one calendar year, over the
-- world. The latest years of two platforms may differ and are never mixed. The
-- market is the platforms that report the metric for that year and nobody else,
-- so a share may fall only because one more platform reports; `platforms` says
-- how many do. A year in which only one does is left out: it would hold 100 %.
--
-- grain: metric, year, platform
-- references: platform -> gold.dim_platform.platform
-- check: platforms >= 2
-- check: market_share between 0 and 1
-- check: value <= total_value
-- varies: market_share over year

with

reported as (

    select
        yearly.metric,
        yearly.year,
        yearly.platform,
        yearly.value,
        yearly.unit,
        sum(yearly.value) over (partition by yearly.metric, yearly.year) as total_value,
        count(*) over (partition by yearly.metric, yearly.year) as platforms
    from gold.platform_metrics_yearly as yearly
    inner join gold.dim_platform on yearly.platform = dim_platform.platform
    where
        dim_platform.is_platform
        and yearly.region = 'World'
        -- Figures whose sum over platforms means something and which are never negative.
        and yearly.metric in (
            'reported_revenue', 'ad_revenue', 'subscription_revenue', 'subscribers', 'users',
            'hours_watched'
        )

)

select
    metric,                                 -- what is shared; see silver.platform_metrics
    year,                                   -- calendar year of both sides
    platform,                               -- see gold.dim_platform
    value,                                  -- the platform's figure
    unit,                                   -- its unit
    platforms,                              -- platforms that report the metric for the year
    total_value,                            -- their figures together
    cast(value as double) / cast(total_value as double) as market_share, -- the platform's part of them
    rank() over (partition by metric, year order by value desc) as place -- 1 is the largest
from reported
where platforms > 1 and total_value > 0
