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

days as (

    select
        active_days.month,
        active_days.day,
        active_days.users,
        active_days.dau,
        active_days.sessions,
        active_days.watch_minutes,
        active_days.session_minutes,
        active_days.ended_sessions,
        active_days.completed_sessions,
        active_days.sessions_of_known_length
    from silver.active_days
    cross join silver.as_of
    where active_days.day <= as_of.as_of

),

counted as (

    select
        month,
        bitmap_merge(users) as users,
        sum(dau) as user_days,
        sum(sessions) as sessions,
        sum(watch_minutes) as watch_minutes,
        sum(session_minutes) as session_minutes,
        sum(ended_sessions) as ended_sessions,
        sum(completed_sessions) as completed_sessions,
        sum(sessions_of_known_length) as sessions_of_known_length
    from days
    group by month

),

earlier as (

    select
        counted.month,
        bitmap_merge(before.users) as users
    from counted
    inner join counted as before on before.month < counted.month
    group by counted.month

),

span as (

    select
        min(days.month) as first_month,
        max(days.month) as last_month,
        min(as_of.as_of) as as_of
    from days
    cross join silver.as_of
    having min(days.month) is not null

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

late as (

    select
        months.month,
        bitmap_count(bitmap_merge(days.users)) as users
    from months
    inner join days on days.day > months.last_day - 28 and days.day <= months.last_day
    group by months.month

)

select
    months.month,                           -- first day of the month
    months.is_partial,                      -- the month was not over at as_of
    months.last_day - months.month + 1 as days, -- days of the month, up to as_of
    coalesce(bitmap_count(counted.users), 0) as mau,        -- different users with a session
    cast(coalesce(counted.user_days, 0) as double)
    / (months.last_day - months.month + 1) as avg_dau, -- users a day, mean over `days`
    cast(counted.user_days as double)
    / (months.last_day - months.month + 1)
    / bitmap_count(counted.users) as stickiness,            -- avg_dau over mau; null without a user
    coalesce(late.users, 0) as mau_28d,                         -- different users in the 28 days up to the last
    coalesce(
        bitmap_count(counted.users) - coalesce(bitmap_overlap(counted.users, earlier.users), 0), 0
    ) as new_viewers, -- users whose first session ever is in the month
    coalesce(counted.sessions, 0) as sessions, -- sessions that began in the month
    coalesce(counted.watch_minutes, 0) as watch_minutes, -- minutes watched in them
    coalesce(counted.sessions_of_known_length, 0) as sessions_of_known_length, -- of titles whose length is known
    coalesce(counted.completed_sessions, 0) as completed_sessions, -- watched to the end
    cast(counted.completed_sessions as double)
    / nullif(counted.sessions_of_known_length, 0) as completion_rate, -- completed over those of known length
    cast(counted.completed_sessions as double)
    / counted.sessions as completion_rate_all_sessions, -- completed over all sessions
    cast(counted.session_minutes as double)
    / nullif(counted.ended_sessions, 0) as avg_session_minutes -- minutes between start and end, of sessions that have both
from months
left join counted on months.month = counted.month
left join earlier on months.month = earlier.month
left join late on months.month = late.month
