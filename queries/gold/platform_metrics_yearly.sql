-- Every figure about a platform that holds for a whole year.
--
-- Most are published for years. Four quarters or two halves of a year that was
-- not published itself are added up, but only when all of them are there and
-- the metric is one that adds up over time: money and hours do, subscribers and
-- viewers at one time do not. `period_grain` says what the year is made of.
--
-- grain: metric, platform, region, year
-- not_null: value, unit
-- references: platform -> gold.dim_platform.platform
-- references: region -> gold.dim_geography.region
-- accepted: period_grain in (year, half, quarter)

with

dated as (

    select
        platform_metrics.metric,
        platform_metrics.platform,
        platform_metrics.region,
        dim_period.year,
        dim_period.period_grain,
        dim_period.periods_per_year,
        platform_metrics.value,
        platform_metrics.unit
    from silver.platform_metrics
    inner join gold.dim_period on platform_metrics.period = dim_period.period
    where dim_period.year is not null and platform_metrics.segment = 'all'

),

whole_years as (

    select
        metric,
        platform,
        region,
        year,
        period_grain,
        periods_per_year,
        unit,
        sum(value) as value
    from dated
    where
        period_grain = 'year'
        or metric in (
            'reported_revenue', 'ad_revenue', 'subscription_revenue', 'profit', 'content_spend',
            'hours_watched'
        )
    group by metric, platform, region, year, period_grain, periods_per_year, unit
    having count(*) = periods_per_year

),

ranked as (

    select
        *,
        row_number() over (
            partition by metric, platform, region, year
            order by periods_per_year
        ) as place
    from whole_years

)

select
    metric,                                 -- what is measured; see silver.platform_metrics
    platform,                               -- see gold.dim_platform
    region,                                 -- see gold.dim_geography
    year,                                   -- calendar year
    cast(value as decimal(24,6)) as value,  -- the year's figure, in its unit
    unit,                                   -- USD, subscribers, users, viewers, channels or hours
    period_grain                            -- year as published, or the half or quarter it is added up from
from ranked
where place = 1
