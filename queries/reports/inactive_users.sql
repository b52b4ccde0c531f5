-- Who has not watched for more than so many days?
--
-- Users who had joined by the date looked at and whose latest session up to
-- then lies more than `days` days back, or who have none: at 30 days, day 30 is
-- active and day 31 is not. Those without a session come first, then those who
-- have been away the longest.
--
-- param: as_of date = null
-- param: days bigint = 30

with

asked as (

    select coalesce(cast($as_of as date), as_of.as_of) as as_of
    from silver.as_of

),

last_days as (

    select
        user_days.user_id,
        max(user_days.day) as last_session_date,
        sum(user_days.sessions) as sessions
    from silver.user_days
    cross join asked
    where user_days.day <= asked.as_of
    group by user_days.user_id

),

subscribers as (

    select distinct subscriptions.user_id
    from silver.subscriptions
    cross join asked
    where
        subscriptions.start_date <= asked.as_of
        and (subscriptions.end_date is null or subscriptions.end_date > asked.as_of)

)

select
    users.user_id,                          -- the user's number
    users.name,                             -- full name
    users.email,                            -- e-mail address
    users.join_date,                        -- day of joining
    last_days.last_session_date,            -- day of the latest session
    asked.as_of - last_days.last_session_date as days_since_last_session, -- days from it to the date looked at
    coalesce(last_days.sessions, 0) as sessions, -- sessions up to then
    subscribers.user_id is not null as is_subscribed -- has a live subscription then
from silver.users
cross join asked
left join last_days on users.user_id = last_days.user_id
left join subscribers on users.user_id = subscribers.user_id
where
    (users.join_date is null or users.join_date <= asked.as_of)
    and (
        last_days.last_session_date is null
        or asked.as_of - last_days.last_session_date > $days
    )
order by days_since_last_session desc nulls first, users.user_id
