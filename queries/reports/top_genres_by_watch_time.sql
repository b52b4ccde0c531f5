-- Which genres are watched the longest?
--
-- A title's minutes count in full for each of its genres, so they add up to more
-- than were watched; the shares add up to 1.
--
-- param: limit bigint = 10

select
    rank as place,                          -- 1 is the most watched
    genre,                                  -- one genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    genre_watch_share                       -- share of all minutes, divided among a title's genres
from gold.genre_watch_time
where rank <= $limit
order by rank
