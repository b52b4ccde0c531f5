-- Which genres does each region watch most?
--
-- Every region, or one.
--
-- param: region text = null
-- param: limit bigint = 10

select
    region,                                 -- where it was watched: a region, or a country where no region is given
    rank as place,                          -- 1 is the region's most watched
    genre,                                  -- one genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    sessions,                               -- sessions with a title of the genre
    genre_watch_share                       -- share of the region's minutes, divided among a title's genres
from gold.genres_by_region
where rank <= $limit and ($region is null or lower(region) = lower($region))
order by region_level desc, region, rank
