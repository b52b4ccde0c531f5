-- Which genres does each region watch least?
--
-- Every region, or one. Of the genres that were watched there at all.
--
-- param: region text = null
-- param: limit bigint = 5

select
    region,                                 -- where it was watched: a region, or a country where no region is given
    rank_from_bottom as place,              -- 1 is the region's least watched
    genre,                                  -- one genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    sessions,                               -- sessions with a title of the genre
    genre_watch_share                       -- share of the region's minutes, divided among a title's genres
from gold.genres_by_region
where rank_from_bottom <= $limit and ($region is null or lower(region) = lower($region))
order by region_level desc, region, rank_from_bottom
