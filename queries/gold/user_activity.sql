-- Every user with what was watched so far and whether the user is active.
--
-- Three meanings of active stand side by side. `is_active_30d` is a latest
-- session at most as many days before `silver.as_of` as `silver.settings` says:
-- day 30 is active, day 31 is not. `is_ever_active` is any session at all.
-- `is_subscribed` is a subscription that has begun by as_of and not ended by
-- then, whatever its status says. Users without a session have a row. Sessions
-- after as_of do not count.
--
-- The favourite genre is the one with the most minutes, where a title's minutes
-- count in full for each of its genres; of equal ones the first by name. A title
-- without genres is nobody's favourite.
--
-- grain: user_id
-- check: is_ever_active = (sessions > 0)
-- check: is_ever_active or not is_active_30d
-- check: (last_session_date is null) = (sessions = 0)
-- check: first_session_date is null or first_session_date <= last_session_date
-- check: days_since_last_session is null or days_since_last_session >= 0
-- check: distinct_titles <= sessions
-- check: completion_rate is null or completion_rate between 0 and 1
-- check: avg_completion_ratio is null or avg_completion_ratio between 0 and 1

with

watched as (

    select
        user_id,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes,
        sum(completed_sessions) as completed_sessions,
        sum(sessions_of_known_length) as sessions_of_known_length,
        sum(sum_of_completion_ratios) as sum_of_completion_ratios,
        min(first_day) as first_session_date,
        max(last_day) as last_session_date
    from silver.user_months
    group by user_id

),

user_genres as (

    select
        user_id,
        genre,
        sum(watch_minutes) as watch_minutes
    from silver.user_genre_months
    group by user_id, genre

),

favourites as (

    select
        user_id,
        genre,
        row_number() over (
            partition by user_id
            order by watch_minutes desc, genre
        ) as place
    from user_genres
    where watch_minutes > 0

),

subscribers as (

    select distinct subscriptions.user_id
    from silver.subscriptions
    cross join silver.as_of
    where
        subscriptions.start_date <= as_of.as_of
        and (subscriptions.end_date is null or subscriptions.end_date > as_of.as_of)

)

select
    users.user_id,                          -- see silver.users
    coalesce(watched.sessions, 0) as sessions, -- sessions so far
    coalesce(watched.watch_minutes, 0) as watch_minutes, -- minutes watched in them
    watched.first_session_date,             -- day of the first
    watched.last_session_date,              -- day of the latest
    as_of.as_of - watched.last_session_date as days_since_last_session, -- days from it to as_of; null without a session
    coalesce(
        as_of.as_of - watched.last_session_date <= settings.active_days, false
    ) as is_active_30d,                     -- the latest is recent enough
    watched.user_id is not null as is_ever_active, -- has had a session
    subscribers.user_id is not null as is_subscribed, -- has a live subscription at as_of
    coalesce(watched.completed_sessions, 0) as completed_sessions, -- watched to the end
    coalesce(watched.sessions_of_known_length, 0) as sessions_of_known_length, -- of titles whose length is known
    cast(watched.completed_sessions as double)
    / nullif(watched.sessions_of_known_length, 0) as completion_rate, -- completed over those of known length
    cast(watched.sum_of_completion_ratios as double)
    / nullif(watched.sessions_of_known_length, 0) as avg_completion_ratio, -- mean share of the title watched
    favourites.genre as favourite_genre,    -- the genre with the most minutes
    coalesce(user_titles.distinct_titles, 0) as distinct_titles -- different titles watched
from silver.users
cross join silver.settings
left join silver.as_of on true
left join watched on users.user_id = watched.user_id
left join silver.user_titles on users.user_id = user_titles.user_id
left join favourites on users.user_id = favourites.user_id and favourites.place = 1
left join subscribers on users.user_id = subscribers.user_id
