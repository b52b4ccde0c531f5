-- Watch time per genre, of titles with lists of genres
select genre, count(*) as sessions, sum({us:end_time} - {us:start_time}) / 60000000.0 as watch_minutes
from watch_sessions
inner join (select title_id, {split:genres} as genre from titles) as title_genres
    on watch_sessions.title_id = title_genres.title_id
group by genre
