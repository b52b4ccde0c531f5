-- Watch time and different viewers per genre and country
select genre, country, count(*) as sessions, count(distinct watch_sessions.user_id) as viewers,
    sum({us:end_time} - {us:start_time}) / 60000000.0 as watch_minutes
from watch_sessions
inner join (select title_id, {split:genres} as genre from titles) as title_genres
    on watch_sessions.title_id = title_genres.title_id
inner join users on watch_sessions.user_id = users.user_id
group by genre, country
