-- Every title of the platform, under the names of the normalised WoWCinema schema.
--
-- Titles of IMDb are the platform's own where sessions name titles by IMDb's ids,
-- or where no other catalogue has landed; beside another catalogue they only lend
-- it their ratings. Of several directors the first named is split at the first
-- blank, and all of them stand in a list. A title without a known director has
-- null names and `has_director` false, an unknown running time and an unknown
-- year are null: no placeholder stands for what nobody knows.
--
-- grain: id_title
-- not_null: title_name, title_type
-- check: title_duration is null or title_duration > 0
-- check: has_director = (director_count > 0)
-- check: has_director = (title_director_first_name is not null)
-- check: title_director_first_name is null or title_director_first_name = trim(title_director_first_name)
-- check: title_director_last_name is null or title_director_last_name = trim(title_director_last_name)
-- check: title_rating is null or title_rating between 0 and 10

with

catalogues as (

    select coalesce(bool_or(catalogue <> 'imdb'), false) as has_others
    from silver.titles

),

logged as (

    select coalesce(bool_or(title_key like 'tt%'), false) as has_imdb_ids
    from bronze.watch_logs

),

offered as (

    select
        titles.title_id,
        titles.title,
        titles.title_type,
        titles.release_year,
        titles.duration_minutes,
        titles.imdb_rating,
        titles.imdb_votes
    from silver.titles
    cross join catalogues
    cross join logged
    where titles.catalogue <> 'imdb' or logged.has_imdb_ids or not catalogues.has_others

),

directed as (

    select
        title_id,
        count(*) as director_count,
        string_agg(director, ', ' order by place) as directors
    from silver.title_directors
    group by title_id

),

first_directors as (

    select
        title_id,
        director
    from silver.title_directors
    where place = 1

)

select
    offered.title_id as id_title,           -- the title's number; see silver.titles
    offered.title as title_name,            -- as written
    split_part(first_directors.director, ' ', 1) as title_director_first_name, -- first director, up to the first blank; null without one
    case
        when first_directors.director like '% %'
            then trim(substr(first_directors.director, strpos(first_directors.director, ' ')))
    end as title_director_last_name,        -- the rest of the name; null where it is one word
    directed.directors as title_directors,  -- all directors in their order; see silver.title_directors
    coalesce(directed.director_count, 0) as director_count, -- how many they are
    directed.director_count is not null as has_director, -- whether any is known
    offered.title_type,                     -- movie, series, episode or other
    offered.release_year as title_start_year, -- year of release; null where unknown
    offered.duration_minutes as title_duration, -- running time in minutes; null for series and where unknown
    coalesce(offered.imdb_rating, imdb_matches.imdb_rating) as title_rating, -- mean rating on IMDb, 1 to 10; null without ratings
    coalesce(offered.imdb_votes, imdb_matches.imdb_votes) as title_numvot_imdb -- ratings it is the mean of
from offered
left join directed on offered.title_id = directed.title_id
left join first_directors on offered.title_id = first_directors.title_id
left join silver.imdb_matches on offered.title_id = imdb_matches.title_id
