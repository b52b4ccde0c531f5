-- Every title of every catalogue, once, repaired.
--
-- `title_id` is the number that the catalogue gives, plus 1,000,000,000 for
-- Netflix, 2,000,000,000 for Amazon Prime, 3,000,000,000 for Disney Plus and
-- 4,000,000,000 for IMDb, so that catalogues never collide. In three Netflix
-- rows the running time stands in the rating column: it is moved back, the
-- rating becomes null, and `is_repaired` says so. Titles stay as written, also
-- those that look like numbers or times. A running time of 0 is unknown. Of
-- IMDb the titles with the most votes count, as many as `silver.settings` says.
--
-- grain: title_id
-- not_null: title, title_type, catalogue
-- accepted: title_type in (movie, series, episode, other)
-- accepted: catalogue in (own, netflix, amazon prime, disney plus, imdb)
-- unique: catalogue, source_id
-- check: duration_minutes is null or duration_minutes > 0
-- check: seasons is null or seasons > 0
-- check: imdb_rating is null or imdb_rating between 0 and 10

with

streamed as (

    select 'netflix' as catalogue, 1000000000 as first_id, *
    from bronze.netflix_titles
    where _current
    union all
    select 'amazon prime' as catalogue, 2000000000 as first_id, *
    from bronze.amazon_prime_titles
    where _current
    union all
    select 'disney plus' as catalogue, 3000000000 as first_id, *
    from bronze.disney_plus_titles
    where _current

),

repaired as (

    select
        *,
        rating is not null and duration is null and rating like '% min' as is_repaired
    from streamed

),

timed as (

    select
        *,
        case when is_repaired then rating else duration end as length,
        -- 18+, AGES_18_ and 18 are one rating.
        regexp_replace(
            case when not is_repaired then rating end, '^(?:AGES_)?([0-9]+)(?:_|\+)?$', '\1+'
        ) as age_rating
    from repaired

),

ranked as (

    select
        basics.*,
        ratings.average_rating,
        ratings.num_votes,
        row_number() over (
            order by ratings.num_votes desc nulls last, ratings.average_rating desc nulls last, basics.tconst
        ) as place
    from bronze.title_basics as basics
    left join bronze.title_ratings as ratings
        on basics.tconst = ratings.tconst
        and ratings._current
    where basics._current

),

all_titles as (

    select
        first_id + cast(substr(show_id, 2) as bigint) as title_id,
        catalogue,
        show_id as source_id,
        title,
        case type when 'TV Show' then 'series' when 'Movie' then 'movie' else 'other' end as title_type,
        release_year,
        cast(date_added as timestamp) as added_at,
        age_rating,
        case
            when length like '% min' then nullif(cast(split_part(length, ' ', 1) as integer), 0)
        end as duration_minutes,
        case
            when length like '% Season%' then cast(split_part(length, ' ', 1) as integer)
        end as seasons,
        cast(null as text) as language,
        listed_in as genres,
        country as countries,
        director as directors,
        "cast" as actors,
        description,
        cast(null as decimal(4,2)) as imdb_rating,
        cast(null as bigint) as imdb_votes,
        is_repaired
    from timed
    union all
    select
        4000000000 + cast(substr(tconst, 3) as bigint) as title_id,
        'imdb' as catalogue,
        tconst as source_id,
        primary_title as title,
        case
            when title_type in ('movie', 'short', 'tvMovie', 'tvShort', 'tvSpecial', 'video') then 'movie'
            when title_type in ('tvSeries', 'tvMiniSeries') then 'series'
            when title_type = 'tvEpisode' then 'episode'
            else 'other'
        end as title_type,
        start_year as release_year,
        null as added_at,
        null as age_rating,
        case
            when coalesce(title_type, '') not in ('tvSeries', 'tvMiniSeries') then nullif(runtime_minutes, 0)
        end as duration_minutes,
        null as seasons,
        null as language,
        genres,
        null as countries,
        null as directors,
        null as actors,
        null as description,
        average_rating as imdb_rating,
        num_votes as imdb_votes,
        false as is_repaired
    from ranked
    cross join silver.settings
    where ranked.place <= settings.imdb_titles
    union all
    select
        movie_id as title_id,
        'own' as catalogue,
        cast(movie_id as text) as source_id,
        title,
        'movie' as title_type,
        release_year,
        created_at as added_at,
        null as age_rating,
        nullif(duration_min, 0) as duration_minutes,
        null as seasons,
        initcap(trim(language)) as language,
        initcap(trim(genre)) as genres,
        null as countries,
        null as directors,
        null as actors,
        null as description,
        null as imdb_rating,
        null as imdb_votes,
        false as is_repaired
    from bronze.movies
    where _current

)

select
    title_id,                               -- the title's number, over all catalogues
    catalogue,                              -- own, netflix, amazon prime, disney plus or imdb
    source_id,                              -- the id that the catalogue gives
    title,                                  -- as written
    title_type,                             -- movie, series, episode or other
    release_year,                           -- year of release
    added_at,                               -- when it entered the catalogue; midnight where only the day is known
    case catalogue
        when 'own' then local_date(added_at)
        else cast(added_at as date)
    end as added_date,                      -- the day of it
    age_rating,                             -- age rating, such as PG-13 or 16+
    duration_minutes,                       -- running time; null for series and where unknown
    seasons,                                -- seasons of a series
    language,                               -- spoken language
    genres,                                 -- comma list; see silver.title_genres
    countries,                              -- comma list; see silver.title_countries
    directors,                              -- comma list; see silver.title_directors, which also has those of IMDb
    actors,                                 -- comma list; see silver.title_cast
    description,                            -- what it is about
    imdb_rating,                            -- mean rating on IMDb, 1 to 10
    imdb_votes,                             -- ratings it is the mean of
    is_repaired                             -- its running time stood in the rating column
from all_titles
