with dealt as (
    select *,
        (['Drama', 'Comedy', 'Action', 'Documentary', 'Crime', 'Family', 'Music', 'Sport'])[movie_id % 8 + 1] as second,
        (['Mystery', 'War', 'Western', 'Fantasy', 'History'])[movie_id % 5 + 1] as third
    from read_csv('{{ var("landing") }}/movies*.csv')
)
select movie_id as title_id, title,
    case
        when movie_id % 4 = 0 or genre = second then genre
        when movie_id % 3 = 0 then concat(genre, ', ', second, ', ', third)
        else concat(genre, ', ', second)
    end as genres,
    release_year, duration_min as duration_minutes
from dealt
