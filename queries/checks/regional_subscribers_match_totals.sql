-- Years in which the regions' subscribers do not add up to the published total.
--
-- tags: warn

select distinct
    platform,
    year,
    sum_of_regions,
    world_value,
    difference
from gold.platform_regions
where metric = 'subscribers' and difference <> 0
order by platform, year
