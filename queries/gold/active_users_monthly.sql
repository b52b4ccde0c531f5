-- How many users watched in each month (MAU), how often and how much.
--
-- Every month from the first with a session to the last has a row. Days after
-- `silver.as_of` and sessions of unknown users do not count. A month whose last
-- day lies after `silver.as_of` is partial and must not be compared with whole
-- ones.
--
-- `avg_dau` is the mean over the month's days, those without a session and those
-- before the very first one included: of a whole month over all its days, of a
-- partial month over the days from its first up to and with as_of. `days` is
-- their number.
--
-- `mau_28d` counts users of the 28 days that end with the month's last day, or
-- with as_of where the month is partial; these days may begin in the month
-- before.
--
-- grain: month
-- varies: completion_rate, stickiness over month
-- check: avg_dau <= mau
-- check: new_viewers <= mau
-- check: mau <= sessions
-- check: mau_28d <= mau or is_partial
-- check: stickiness is null or stickiness between 0 and 1
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: completion_rate is null or completion_rate between 0 and 1
-- check: completion_rate is null or completion_rate_all_sessions <= completion_rate

with

user_months as (

    select
        user_days.month,
        user_days.user_id,
        count(*) as active_days,
        max(user_days.day) as last_day,
        sum(user_days.sessions) as sessions,
        sum(user_days.watch_minutes) as watch_minutes,
        sum(user_days.completed_sessions) as completed_sessions,
        sum(user_days.sessions_of_known_length) as sessions_of_known_length
    from silver.user_days
    cross join silver.as_of
    where user_days.day <= as_of.as_of
    group by user_days.month, user_days.user_id

),

placed as (

    select
        *,
        lag(month) over (partition by user_id order by month) as month_before,
        lead(month) over (partition by user_id order by month) as month_after,
        cast(month + interval '1 month' - interval '1 day' as date) as month_end
    from user_months

),

counted as (

    select
        placed.month,
        count(*) as mau,
        count(*) filter (where placed.month_before is null) as new_viewers,
        -- No month is shorter than 28 days, so the user's last day in it tells.
        count(*) filter (
            where placed.last_day > least(placed.month_end, as_of.as_of) - 28
        ) as late_users,
        -- The days of a partial month reach back into the month before.
        count(*) filter (
            where placed.last_day > as_of.as_of - 28
            and (placed.month_after is null or placed.month_after > placed.month_end + 1)
        ) as earlier_users,
        sum(placed.active_days) as user_days,
        sum(placed.sessions) as sessions,
        coalesce(sum(placed.watch_minutes), 0) as watch_minutes,
        sum(placed.completed_sessions) as completed_sessions,
        sum(placed.sessions_of_known_length) as sessions_of_known_length
    from silver.as_of
    cross join placed
    group by placed.month

),

span as (

    select
        cast(date_trunc('month', min(user_days.day)) as date) as first_month,
        cast(date_trunc('month', max(user_days.day)) as date) as last_month,
        min(as_of.as_of) as as_of
    from silver.user_days
    cross join silver.as_of
    where user_days.day <= as_of.as_of
    having min(user_days.day) is not null

),

listed as (

    select
        as_of,
        unnest(generate_series(first_month, last_month, interval '1 month')) as month
    from span

),

months as (

    select
        month,
        least(cast(month + interval '1 month' - interval '1 day' as date), as_of) as last_day,
        cast(month + interval '1 month' - interval '1 day' as date) > as_of as is_partial
    from listed

),

timed as (

    select
        watch_sessions.month,
        sum(watch_sessions.session_minutes) as session_minutes,
        count(watch_sessions.session_minutes) as ended_sessions
    from silver.watch_sessions
    cross join silver.as_of
    where not watch_sessions.is_unknown_user and watch_sessions.session_date <= as_of.as_of
    group by watch_sessions.month

)

select
    months.month,                           -- first day of the month
    months.is_partial,                      -- the month was not over at as_of
    months.last_day - months.month + 1 as days, -- days of the month, up to as_of
    coalesce(counted.mau, 0) as mau,        -- different users with a session
    cast(coalesce(counted.user_days, 0) as double)
    / (months.last_day - months.month + 1) as avg_dau, -- users a day, mean over `days`
    cast(counted.user_days as double)
    / (months.last_day - months.month + 1)
    / counted.mau as stickiness,            -- avg_dau over mau; null without a user
    coalesce(counted.late_users, 0)
    + case
        when months.is_partial
            then coalesce(lag(counted.earlier_users) over (order by months.month), 0)
        else 0
    end as mau_28d,                         -- different users in the 28 days up to the last
    coalesce(counted.new_viewers, 0) as new_viewers, -- users whose first session ever is in the month
    coalesce(counted.sessions, 0) as sessions, -- sessions that began in the month
    coalesce(counted.watch_minutes, 0) as watch_minutes, -- minutes watched in them
    coalesce(counted.sessions_of_known_length, 0) as sessions_of_known_length, -- of titles whose length is known
    coalesce(counted.completed_sessions, 0) as completed_sessions, -- watched to the end
    cast(counted.completed_sessions as double)
    / nullif(counted.sessions_of_known_length, 0) as completion_rate, -- completed over those of known length
    cast(counted.completed_sessions as double)
    / counted.sessions as completion_rate_all_sessions, -- completed over all sessions
    cast(timed.session_minutes as double)
    / nullif(timed.ended_sessions, 0) as avg_session_minutes -- minutes between start and end, of sessions that have both
from months
left join counted on months.month = counted.month
left join timed on months.month = timed.month
