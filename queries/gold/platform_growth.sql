-- How each figure about a platform grew from its first period to its last.
--
-- Ten years listed are nine intervals: `cagr` is compound growth over the
-- intervals. It is a rate a year for every grain: three quarters count as three
-- quarters of a year. `mean_growth_rate` is the plain mean of the rates from one
-- period to the next, yearly ones where periods are years; it is not what
-- compounds. Periods that are missing in between count as intervals and have no
-- rate. A figure with one period has no row.
--
-- grain: metric, platform, region, period_grain
-- references: platform -> gold.dim_platform.platform
-- references: region -> gold.dim_geography.region
-- accepted: period_grain in (year, half, quarter)
-- check: periods between 2 and intervals + 1
-- check: total_growth = last_value - first_value
-- check: cagr is null or first_value > 0

with

dated as (

    select
        platform_metrics.metric,
        platform_metrics.platform,
        platform_metrics.region,
        platform_metrics.unit,
        platform_metrics.period,
        dim_period.period_grain,
        dim_period.period_number,
        dim_period.periods_per_year,
        platform_metrics.value
    from silver.platform_metrics
    inner join gold.dim_period on platform_metrics.period = dim_period.period
    where dim_period.period_number is not null and platform_metrics.segment = 'all'

),

steps as (

    select
        dated.*,
        case
            when before.value > 0
                then cast(dated.value as double) / cast(before.value as double) - 1
        end as growth_rate
    from dated
    left join dated as before
        on dated.metric = before.metric
        and dated.platform = before.platform
        and dated.region = before.region
        and dated.period_grain = before.period_grain
        and dated.period_number = before.period_number + 1

),

spans as (

    select
        metric,
        platform,
        region,
        unit,
        period_grain,
        periods_per_year,
        first_value(period order by period_number) as first_period,
        first_value(value order by period_number) as first_value,
        last_value(period order by period_number) as last_period,
        last_value(value order by period_number) as last_value,
        count(*) as periods,
        max(period_number) - min(period_number) as intervals,
        avg(growth_rate) as mean_growth_rate
    from steps
    group by metric, platform, region, unit, period_grain, periods_per_year
    having count(*) > 1

)

select
    metric,                                 -- what is measured; see silver.platform_metrics
    platform,                               -- see gold.dim_platform
    region,                                 -- see gold.dim_geography
    period_grain,                           -- year, half or quarter
    unit,                                   -- the unit of the figures
    first_period,                           -- the earliest period
    first_value,                            -- its figure
    last_period,                            -- the latest period
    last_value,                             -- its figure
    periods,                                -- periods with a figure
    intervals,                              -- steps from the first period to the last
    last_value - first_value as total_growth, -- last less first
    case
        when first_value > 0 then cast(last_value as double) / cast(first_value as double) - 1
    end as total_growth_rate,               -- total growth over the first figure
    case
        when first_value > 0 and last_value > 0
            then power(
                cast(last_value as double) / cast(first_value as double),
                cast(periods_per_year as double) / intervals
            ) - 1
    end as cagr,                            -- compound growth a year, over the intervals
    mean_growth_rate                        -- plain mean of the rates from period to period
from spans
