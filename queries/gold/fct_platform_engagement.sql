-- How many people use each platform, and how much.
--
-- A column is null where no figure of that kind is published for the period.
-- Figures of years and undated ones, of the world and of a country stand in
-- rows of their own and must not be added.
--
-- grain: platform, region, period
-- references: platform -> gold.dim_platform.platform
-- references: region -> gold.dim_geography.region
-- references: period -> gold.dim_period.period
-- check: streaming_share is null or streaming_share between 0 and 1

with

kinds as (

    select
        platform,
        region,
        period,
        max(value) filter (where metric = 'users') as users,
        max(value) filter (where metric = 'app_users') as app_users,
        max(value) filter (where metric = 'hours_watched') as hours_watched,
        max(value) filter (where metric = 'concurrent_viewers') as concurrent_viewers,
        max(value) filter (where metric = 'active_channels') as active_channels,
        max(value) filter (where metric = 'streaming_share') as streaming_share
    from silver.platform_metrics
    where
        metric in (
            'users', 'app_users', 'hours_watched', 'concurrent_viewers', 'active_channels',
            'streaming_share'
        )
        and segment = 'all'
    group by platform, region, period

)

select
    kinds.platform,                         -- see gold.dim_platform
    kinds.region,                           -- see gold.dim_geography
    kinds.period,                           -- see gold.dim_period
    dim_period.period_grain,                -- year, half, quarter or undated
    dim_period.period_start,                -- first day of the period
    cast(kinds.users as bigint) as users,   -- users of the platform
    cast(kinds.app_users as bigint) as app_users, -- users of its app
    cast(kinds.hours_watched as bigint) as hours_watched, -- hours watched in the period
    cast(kinds.concurrent_viewers as bigint) as concurrent_viewers, -- viewers at one time
    cast(kinds.active_channels as bigint) as active_channels, -- channels that stream
    cast(kinds.streaming_share as double) as streaming_share -- its share of all streamed minutes
from kinds
inner join gold.dim_period on kinds.period = dim_period.period
