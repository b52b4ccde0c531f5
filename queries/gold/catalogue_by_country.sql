-- How many titles of each catalogue come from each country.
--
-- A title of several countries counts in each, so titles do not add up.
--
-- grain: catalogue, country
-- check: titles = movies + series + others

select
    titles.catalogue,                       -- own, netflix, amazon prime, disney plus or imdb
    title_countries.country,                -- as the catalogue spells it
    count(*) as titles,                     -- titles from the country
    count(*) filter (where titles.title_type = 'movie') as movies, -- of those, films
    count(*) filter (where titles.title_type = 'series') as series, -- of those, series
    count(*) filter (where titles.title_type not in ('movie', 'series')) as others -- of those, episodes and the like
from silver.title_countries
inner join silver.titles on title_countries.title_id = titles.title_id
group by titles.catalogue, title_countries.country
