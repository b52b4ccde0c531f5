-- What was watched of each genre, by plan and by region.
--
-- Added up from `silver.genre_months`. `watch_minutes_full` credits a title's
-- minutes to each of its genres, so these add up to more than were watched;
-- `watch_minutes_split` divides them by the number of the title's genres. Titles
-- without genres, and those that no catalogue has, make the genre `unknown`.
--
-- grain: genre, plan, region_level, region
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: watch_minutes_split <= watch_minutes_full + 0.001

with

by_weight as (

    select
        genre,
        genres_of_title,
        plan,
        region_level,
        region,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes,
        sum(sessions_of_known_length) as sessions_of_known_length,
        sum(completed_sessions) as completed_sessions,
        sum(sum_of_completion_ratios) as sum_of_completion_ratios,
        sum(ratings) as ratings,
        sum(sum_of_ratings) as sum_of_ratings
    from silver.genre_months
    group by genre, genres_of_title, plan, region_level, region

)

select
    genre,                                  -- one genre
    plan,                                   -- the viewers' plan at the time; none without one
    region_level,                           -- what the region is: region, country or unknown
    region,                                 -- where it was watched
    sum(sessions) as sessions,              -- sessions with a title of the genre
    sum(watch_minutes) as watch_minutes_full, -- minutes, in full for each genre of a title
    sum(cast(watch_minutes as decimal(28,9)) / genres_of_title) as watch_minutes_split, -- minutes, divided by the title's genres
    sum(sessions_of_known_length) as sessions_of_known_length, -- sessions whose completion is known
    sum(completed_sessions) as completed_sessions, -- of those, watched to the end
    sum(sum_of_completion_ratios) as sum_of_completion_ratios, -- their shares of the title
    sum(ratings) as ratings,                -- ratings given with the sessions
    sum(sum_of_ratings) as sum_of_ratings   -- their sum, 0 to 10 each
from by_weight
group by genre, plan, region_level, region
