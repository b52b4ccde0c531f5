-- How often are titles of each genre watched to the end in each region?
--
-- Every region and genre, or one. Only where enough sessions are of known length.
--
-- param: region text = null
-- param: genre text = null
-- param: min_sessions bigint = 10

select
    region,                                 -- where it was watched: a region, or a country where no region is given
    genre,                                  -- one genre
    sessions_of_known_length,               -- sessions whose completion is known
    completed_sessions,                     -- of those, watched to the end
    completion_rate,                        -- completed over those of known length
    avg_completion_ratio                    -- mean share of the title watched
from gold.completion_by_genre_and_region
where
    sessions_of_known_length >= greatest($min_sessions, 1)
    and ($region is null or lower(region) = lower($region))
    and ($genre is null or lower(genre) = lower($genre))
order by region_level desc, region, completion_rate desc, genre
