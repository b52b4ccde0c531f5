-- What share of all minutes does each genre have?
--
-- A title's minutes are divided by the number of its genres, so that the shares
-- add up to 1.

select
    genre,                                  -- one genre
    watch_minutes_split,                    -- minutes, divided by the title's genres
    genre_watch_share                       -- share of all minutes
from gold.genre_watch_time
order by genre_watch_share desc, genre
