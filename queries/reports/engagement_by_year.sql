-- How many people use a platform, and how long do they watch, year by year?
--
-- `avg_viewers` is what the hours watched amount to at any moment of the year,
-- to hold against the published number of concurrent viewers.
--
-- param: platform text = null

select
    engagement.platform,                    -- see gold.dim_platform
    dim_period.year,                        -- calendar year
    engagement.users,                       -- users of the platform
    engagement.hours_watched,               -- hours watched
    engagement.concurrent_viewers,          -- viewers at one time, as published
    cast(engagement.hours_watched as double)
    / (24 * (dim_period.period_end - dim_period.period_start + 1)) as avg_viewers, -- hours watched over hours of the year
    engagement.active_channels              -- channels that stream
from gold.fct_platform_engagement as engagement
inner join gold.dim_period on engagement.period = dim_period.period
where
    dim_period.period_grain = 'year'
    and engagement.region = 'World'
    and lower(engagement.platform) = lower(coalesce($platform, engagement.platform))
order by engagement.platform, dim_period.year
