-- Every title of every catalogue, once, repaired.
--
-- `title_id` is the number that the catalogue gives, plus 1,000,000,000 for
-- Netflix titles, so that catalogues never collide. In three Netflix rows the
-- running time stands in the rating column: it is moved back, the rating
-- becomes null, and `is_repaired` says so. Titles stay as written, also those
-- that look like numbers or times.
--
-- grain: title_id
-- not_null: title, title_type, catalogue
-- accepted: title_type in (movie, series)
-- unique: catalogue, source_id
-- check: duration_minutes is null or duration_minutes > 0
-- check: seasons is null or seasons > 0

with

netflix as (

    select
        1000000000 + cast(substr(show_id, 2) as bigint) as title_id,
        'netflix' as catalogue,
        show_id as source_id,
        title,
        case type when 'TV Show' then 'series' when 'Movie' then 'movie' else lower(type) end as title_type,
        release_year,
        cast(date_added as timestamp) as added_at,
        rating is not null and duration is null and rating like '% min' as is_repaired,
        rating,
        duration,
        cast(null as text) as language,
        listed_in as genres,
        country as countries,
        director as directors,
        "cast" as actors,
        description
    from bronze.netflix_titles
    where _current

),

repaired as (

    select
        title_id,
        catalogue,
        source_id,
        title,
        title_type,
        release_year,
        added_at,
        case when is_repaired then null else rating end as age_rating,
        case when is_repaired then rating else duration end as duration,
        language,
        genres,
        countries,
        directors,
        actors,
        description,
        is_repaired
    from netflix

),

own as (

    select
        movie_id as title_id,
        'own' as catalogue,
        cast(movie_id as text) as source_id,
        title,
        'movie' as title_type,
        release_year,
        created_at as added_at,
        cast(null as text) as age_rating,
        duration_min as duration_minutes,
        cast(null as integer) as seasons,
        initcap(trim(language)) as language,
        initcap(trim(genre)) as genres,
        cast(null as text) as countries,
        cast(null as text) as directors,
        cast(null as text) as actors,
        cast(null as text) as description,
        false as is_repaired
    from bronze.movies
    where _current

)

select
    title_id,                               -- the title's number, over all catalogues
    catalogue,                              -- netflix or own
    source_id,                              -- the id that the catalogue gives
    title,                                  -- as written
    title_type,                             -- movie or series
    release_year,                           -- year of release
    added_at,                               -- when it entered the catalogue; midnight where only the day is known
    cast(added_at as date) as added_date,   -- the day of it
    age_rating,                             -- age rating, such as PG-13
    cast(
        case when duration like '% min' then split_part(duration, ' ', 1) end as integer
    ) as duration_minutes,                  -- running time of a film
    cast(
        case when duration like '% Season%' then split_part(duration, ' ', 1) end as integer
    ) as seasons,                           -- seasons of a series
    language,                               -- spoken language
    genres,                                 -- comma list; see silver.title_genres
    countries,                              -- comma list; see silver.title_countries
    directors,                              -- comma list; see silver.title_directors
    actors,                                 -- comma list; see silver.title_cast
    description,                            -- what it is about
    is_repaired                             -- its running time stood in the rating column
from repaired
union all
select
    title_id,
    catalogue,
    source_id,
    title,
    title_type,
    release_year,
    added_at,
    cast(added_at as date) as added_date,
    age_rating,
    duration_minutes,
    seasons,
    language,
    genres,
    countries,
    directors,
    actors,
    description,
    is_repaired
from own
