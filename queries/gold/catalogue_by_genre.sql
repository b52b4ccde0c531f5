-- How many titles of each catalogue have each genre.
--
-- A title of several genres counts in each, so titles do not add up.
--
-- grain: catalogue, genre
-- check: titles = movies + series + others

select
    titles.catalogue,                       -- own, netflix, amazon prime, disney plus or imdb
    title_genres.genre,                     -- one genre
    count(*) as titles,                     -- titles of the genre
    count(*) filter (where titles.title_type = 'movie') as movies, -- of those, films
    count(*) filter (where titles.title_type = 'series') as series, -- of those, series
    count(*) filter (where titles.title_type not in ('movie', 'series')) as others, -- of those, episodes and the like
    avg(titles.duration_minutes) as avg_duration_minutes -- of the films, as far as known
from silver.title_genres
inner join silver.titles on title_genres.title_id = titles.title_id
group by titles.catalogue, title_genres.genre
