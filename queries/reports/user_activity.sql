-- What has a user watched so far, and is the user active?
--
-- param: user_id bigint

select
    users.user_id,                          -- the user's number
    users.name,                             -- full name
    users.join_date,                        -- day of joining
    user_activity.sessions,                 -- sessions so far
    user_activity.watch_minutes,            -- minutes watched
    user_activity.distinct_titles,          -- different titles
    user_activity.favourite_genre,          -- the genre with the most minutes
    user_activity.completion_rate,          -- completed over sessions of known length
    user_activity.avg_completion_ratio,     -- mean share of the title watched
    user_activity.first_session_date,       -- day of the first session
    user_activity.last_session_date,        -- day of the latest
    user_activity.days_since_last_session,  -- days from it to as_of
    user_activity.is_active_30d,            -- it is recent enough
    user_activity.is_ever_active,           -- has watched at all
    user_activity.is_subscribed             -- has a live subscription
from gold.user_activity
inner join silver.users on user_activity.user_id = users.user_id
where user_activity.user_id = $user_id
