-- Titles with all their genres.
--
-- The source names one genre a title; a second and a third are dealt by number,
-- so that lists have to be split.
--
-- grain: title_id

with

dealt as (

    select
        *,
        array_element(
            make_array('Drama', 'Comedy', 'Action', 'Documentary', 'Crime', 'Family', 'Music', 'Sport'),
            movie_id % 8 + 1
        ) as second,
        array_element(
            make_array('Mystery', 'War', 'Western', 'Fantasy', 'History'),
            movie_id % 5 + 1
        ) as third
    from bronze.titles
    where _current

)

select
    movie_id as title_id,                   -- the title's number
    title,                                  -- its name
    case
        when movie_id % 4 = 0 or genre = second then genre
        when movie_id % 3 = 0 then concat(genre, ', ', second, ', ', third)
        else concat(genre, ', ', second)
    end as genres,                          -- its genres, separated by commas
    release_year,                           -- year of release
    duration_min as duration_minutes        -- running time
from dealt
