-- Every region, under the names of the normalised WoWCinema schema.
--
-- A renaming of `silver.regions`.
--
-- materialized: view
-- grain: id_region

select
    region_id as id_region,                 -- the region's number
    region_name                             -- the region's name
from silver.regions
