-- In which regions of the world is revenue made, and do they add up?
--
-- param: platform text = null
-- param: year bigint = null

select
    platform,                               -- see gold.dim_platform
    year,                                   -- calendar year
    region,                                 -- see gold.dim_geography
    cast(value as decimal(18,2)) as reported_revenue, -- US dollars
    region_share,                           -- of the regions' sum
    yoy_growth_rate,                        -- over the year before
    cast(world_value as decimal(18,2)) as world_reported_revenue, -- the published total
    cast(difference as decimal(18,2)) as difference -- regions together less the total
from gold.platform_regions
where
    metric = 'reported_revenue'
    and lower(platform) = lower(coalesce($platform, platform))
    and year = coalesce($year, year)
order by platform, year, value desc, region
