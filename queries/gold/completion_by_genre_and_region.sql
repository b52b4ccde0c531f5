-- How often titles of each genre are watched to the end in each region.
--
-- A session with a title of several genres counts in each, so sessions do not
-- add up. `completion_rate` is over the sessions whose completion is known; it is
-- null where there are none.
--
-- materialized: view
-- grain: region_level, region, genre
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: completion_rate is null or completion_rate between 0 and 1
-- check: avg_completion_ratio is null or avg_completion_ratio between 0 and 1

with

totals as (

    select
        region_level,
        region,
        genre,
        sum(sessions) as sessions,
        sum(sessions_of_known_length) as sessions_of_known_length,
        sum(completed_sessions) as completed_sessions,
        sum(sum_of_completion_ratios) as sum_of_completion_ratios
    from gold.genre_totals
    group by region_level, region, genre

)

select
    region_level,                           -- what the region is: region, country or unknown
    region,                                 -- where it was watched
    genre,                                  -- one genre
    sessions,                               -- sessions with a title of the genre
    sessions_of_known_length,               -- of those, completion is known
    completed_sessions,                     -- of those, watched to the end
    cast(completed_sessions as double)
    / nullif(sessions_of_known_length, 0) as completion_rate, -- completed over those of known length
    cast(completed_sessions as double) / sessions as completion_rate_all_sessions, -- completed over all sessions
    cast(sum_of_completion_ratios as double)
    / nullif(sessions_of_known_length, 0) as avg_completion_ratio -- mean share of the title watched
from totals
