-- In which regions of the world are the subscribers, and do they add up?
--
-- param: platform text = null
-- param: year bigint = null

select
    platform,                               -- see gold.dim_platform
    year,                                   -- calendar year
    region,                                 -- see gold.dim_geography
    cast(value as bigint) as subscribers,   -- people who subscribe
    region_share,                           -- of the regions' sum
    yoy_growth_rate,                        -- over the year before
    cast(world_value as bigint) as world_subscribers, -- the published total
    cast(difference as bigint) as difference -- regions together less the total
from gold.platform_regions
where
    metric = 'subscribers'
    and lower(platform) = lower(coalesce($platform, platform))
    and year = coalesce($year, year)
order by platform, year, value desc, region
