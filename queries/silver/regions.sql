-- Every region that sessions are counted by.
--
-- grain: region_id
-- unique: region_name

select
    region_id,                              -- the region's number
    trim(region_name) as region_name        -- the region's name
from bronze.regions
where _current
