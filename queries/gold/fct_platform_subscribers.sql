-- How many subscribers platforms report, and how their number grew.
--
-- Growth is over the period just before, of the same grain; it is null where
-- that has no figure, so 2021 is never compared with 2019 or a year with a
-- half. Subscribers to live television or a paid offer are part of a platform's
-- subscribers or users, not more of them.
--
-- grain: platform, region, period, subscriber_type
-- references: platform -> gold.dim_platform.platform
-- references: region -> gold.dim_geography.region
-- references: period -> gold.dim_period.period
-- accepted: subscriber_type in (all, live tv, premium)
-- check: subscribers >= 0
-- check: (subscriber_growth is null) = (previous_subscribers is null)

with

counted as (

    select
        platform_metrics.platform,
        platform_metrics.region,
        platform_metrics.period,
        case platform_metrics.metric
            when 'subscribers' then 'all'
            when 'live_tv_subscribers' then 'live tv'
            when 'premium_subscribers' then 'premium'
        end as subscriber_type,
        dim_period.period_grain,
        dim_period.period_start,
        dim_period.period_number,
        cast(platform_metrics.value as bigint) as subscribers
    from silver.platform_metrics
    inner join gold.dim_period on platform_metrics.period = dim_period.period
    where platform_metrics.unit = 'subscribers'

)

select
    counted.platform,                       -- see gold.dim_platform
    counted.region,                         -- see gold.dim_geography
    counted.period,                         -- see gold.dim_period
    counted.period_grain,                   -- year, half, quarter or undated
    counted.period_start,                   -- first day of the period
    counted.subscriber_type,                -- all, live tv or premium
    counted.subscribers,                    -- people who subscribe
    before.subscribers as previous_subscribers, -- in the period just before
    counted.subscribers - before.subscribers as subscriber_growth, -- more than then
    cast(counted.subscribers as double)
    / nullif(before.subscribers, 0) - 1 as subscriber_growth_rate -- the same over those of then
from counted
left join counted as before
    on counted.platform = before.platform
    and counted.region = before.region
    and counted.subscriber_type = before.subscriber_type
    and counted.period_grain = before.period_grain
    and counted.period_number = before.period_number + 1
