-- How long each genre was watched in each country, month by month.
--
-- A session counts in full for each genre of its title.
--
-- partition_by: month
-- grain: month, genre, country

with

title_genres as (

    select title_id, unnest(string_to_array(genres, ', ')) as genre
    from silver.titles

)

select
    watch_sessions.month,                   -- first day of the month
    title_genres.genre,                     -- one genre
    users.country,                          -- where the viewers live
    count(*) as sessions,                   -- sessions that began in it
    count(distinct watch_sessions.user_id) as viewers, -- different users
    sum(
        date_part('epoch', watch_sessions.end_time) - date_part('epoch', watch_sessions.start_time)
    ) / 60 as watch_minutes                 -- minutes of them
from silver.watch_sessions
inner join title_genres on watch_sessions.title_id = title_genres.title_id
inner join silver.users on watch_sessions.user_id = users.user_id
group by watch_sessions.month, title_genres.genre, users.country
