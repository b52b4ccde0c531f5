-- Which users watch the most?
--
-- param: limit bigint = 10

select
    users.user_id,                          -- the user's number
    users.name,                             -- full name
    user_activity.watch_minutes,            -- minutes watched so far
    user_activity.sessions,                 -- sessions so far
    user_activity.distinct_titles,          -- different titles
    user_activity.favourite_genre,          -- the genre with the most minutes
    user_activity.days_since_last_session   -- days from the latest session to as_of
from gold.user_activity
inner join silver.users on user_activity.user_id = users.user_id
where user_activity.is_ever_active
order by user_activity.watch_minutes desc, users.user_id
limit $limit
