-- Which genres are the most popular, by minutes, sessions and ratings together?
--
-- param: limit bigint = 10

select
    genre,                                  -- one genre
    genre_popularity_index,                 -- mean of the known parts, 0 to 1
    minutes_score,                          -- minutes over those of the most watched genre
    sessions_score,                         -- sessions over those of the genre with the most
    rating_score,                           -- mean rating on the platform over 10
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    sessions                                -- sessions with a title of the genre
from gold.genre_popularity_index
order by genre_popularity_index desc, genre
limit $limit
