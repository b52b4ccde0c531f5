-- Which title of IMDb a title of another catalogue is.
--
-- Two titles are the same when they agree in year of release and, without regard
-- to case and blanks, in title. Of several on IMDb the one with the most votes
-- counts. Titles without a match have no row.
--
-- grain: title_id
-- references: title_id -> silver.titles.title_id

with

candidates as (

    select
        basics.tconst,
        concat(lower(replace(basics.primary_title, ' ', '')), '_', basics.start_year) as title_key,
        basics.runtime_minutes,
        ratings.average_rating,
        ratings.num_votes
    from bronze.title_basics as basics
    left join bronze.title_ratings as ratings
        on basics.tconst = ratings.tconst
        and ratings._current
    where
        basics._current
        and basics.start_year is not null
        and basics.title_type is distinct from 'tvEpisode'

),

matched as (

    select
        titles.title_id,
        candidates.tconst,
        candidates.runtime_minutes,
        candidates.average_rating,
        candidates.num_votes,
        row_number() over (
            partition by titles.title_id
            order by candidates.num_votes desc nulls last, candidates.tconst
        ) as place
    from silver.titles
    inner join candidates
        on concat(lower(replace(titles.title, ' ', '')), '_', titles.release_year) = candidates.title_key
    where titles.catalogue <> 'imdb'

)

select
    title_id,                               -- see silver.titles
    tconst,                                 -- its id on IMDb
    runtime_minutes as imdb_runtime_minutes, -- running time on IMDb
    average_rating as imdb_rating,          -- mean rating on IMDb, 1 to 10
    num_votes as imdb_votes                 -- ratings it is the mean of
from matched
where place = 1
