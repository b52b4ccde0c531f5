-- Which users are about to be lost: no longer watching, or hardly.
--
-- A user is `inactive` without a session, or when the latest one lies more days
-- before `silver.as_of` than `silver.settings` says (day 30 is active, day 31 is
-- not). An active user's engagement is low with fewer sessions in those days
-- than the settings say, or when on average less of the titles was watched. A
-- mean that nothing is known of, because only series were watched, is not low.
-- Everybody else is `ok`. Sessions after as_of do not count, and users who join
-- after it are not listed. Users without a live subscription are listed too:
-- `is_subscribed` tells them apart.
--
-- grain: user_id
-- not_null: risk
-- accepted: risk in (inactive, low_engagement, ok)
-- accepted: reason in (no session yet, no session lately, few sessions, little of each title)
-- check: (risk = 'ok') = (reason is null)
-- check: (sessions = 0) = (last_session_date is null)
-- check: (risk = 'inactive') = (sessions_last_30_days = 0)
-- check: active_days_last_30_days <= sessions_last_30_days
-- check: sessions_last_30_days <= sessions
-- check: avg_completion_ratio_last_30_days is null or avg_completion_ratio_last_30_days between 0 and 1

with

clock as (

    select
        as_of.as_of,
        as_of.as_of - settings.active_days as active_since
    from silver.as_of
    cross join silver.settings

),

watched as (

    select
        user_days.user_id,
        sum(user_days.sessions) as sessions,
        max(user_days.day) as last_session_date,
        sum(user_days.sessions) filter (where user_days.day >= clock.active_since) as sessions_lately,
        count(*) filter (where user_days.day >= clock.active_since) as days_lately,
        sum(user_days.sum_of_completion_ratios) filter (
            where user_days.day >= clock.active_since
        ) as sum_of_ratios_lately,
        sum(user_days.sessions_of_known_length) filter (
            where user_days.day >= clock.active_since
        ) as known_lately
    from silver.user_days
    cross join clock
    where user_days.day <= clock.as_of
    group by user_days.user_id

),

last_places as (

    select
        watch_sessions.user_id,
        last_value(
            watch_sessions.region order by watch_sessions.started_at, watch_sessions.session_id
        ) as region,
        last_value(
            watch_sessions.country order by watch_sessions.started_at, watch_sessions.session_id
        ) as country
    from silver.watch_sessions
    inner join watched
        on watch_sessions.user_id = watched.user_id
        and watch_sessions.session_date = watched.last_session_date
    group by watch_sessions.user_id

),

started as (

    select
        subscriptions.user_id,
        subscriptions.plan,
        subscriptions.end_date is null or subscriptions.end_date > as_of.as_of as is_live,
        row_number() over (
            partition by subscriptions.user_id
            order by
                subscriptions.end_date is null or subscriptions.end_date > as_of.as_of desc,
                subscriptions.start_date desc,
                subscriptions.subscription_id desc
        ) as place
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of

),

measured as (

    select
        users.user_id,
        started.plan,
        coalesce(started.is_live, false) as is_subscribed,
        last_places.region as last_region,
        last_places.country as last_country,
        coalesce(watched.sessions, 0) as sessions,
        watched.last_session_date,
        as_of.as_of - watched.last_session_date as days_since_last_session,
        coalesce(watched.sessions_lately, 0) as sessions_last_30_days,
        coalesce(watched.days_lately, 0) as active_days_last_30_days,
        cast(watched.sum_of_ratios_lately as double)
        / nullif(watched.known_lately, 0) as avg_completion_ratio_last_30_days
    from silver.users
    left join silver.as_of on true
    left join started on users.user_id = started.user_id and started.place = 1
    left join watched on users.user_id = watched.user_id
    left join last_places on users.user_id = last_places.user_id
    where users.join_date is null or as_of.as_of is null or users.join_date <= as_of.as_of

),

judged as (

    select
        measured.*,
        case
            when measured.sessions = 0 then 'no session yet'
            when measured.days_since_last_session > settings.active_days then 'no session lately'
            when measured.sessions_last_30_days < settings.low_engagement_sessions then 'few sessions'
            when measured.avg_completion_ratio_last_30_days < settings.low_engagement_completion
                then 'little of each title'
        end as reason
    from measured
    cross join silver.settings

)

select
    user_id,                                -- see silver.users
    coalesce(plan, 'none') as plan,         -- of the live subscription, else the latest; none without one
    is_subscribed,                          -- has a live subscription at as_of
    last_region,                            -- region of the latest session; null where the source does not say
    last_country,                           -- country of the latest session; null where the source does not say
    sessions,                               -- sessions so far
    last_session_date,                      -- day of the latest
    days_since_last_session,                -- days from it to as_of; null without a session
    sessions_last_30_days,                  -- sessions in the days that make a user active
    active_days_last_30_days,               -- days with a session among them
    avg_completion_ratio_last_30_days,      -- mean share of the titles watched in them, 0 to 1
    case
        when reason is null then 'ok'
        when reason in ('few sessions', 'little of each title') then 'low_engagement'
        else 'inactive'
    end as risk,                            -- inactive, low_engagement or ok
    reason                                  -- why it is not ok
from judged
