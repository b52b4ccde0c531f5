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

watched as (

    select
        user_id,
        sum(sessions) as sessions,
        max(last_day) as last_session_date
    from silver.user_months
    group by user_id

),

last_places as (

    select
        watched.user_id,
        user_months.last_region as region,
        user_months.last_country as country
    from watched
    inner join silver.user_months
        on watched.user_id = user_months.user_id
        and watched.last_session_date = user_months.last_day

),

lately as (

    select
        user_id,
        sum(sessions) as sessions,
        sum(active_days) as days,
        sum(sum_of_completion_ratios) as sum_of_ratios,
        sum(sessions_of_known_length) as known
    from silver.recent_user_months
    group by user_id

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
        coalesce(lately.sessions, 0) as sessions_last_30_days,
        coalesce(lately.days, 0) as active_days_last_30_days,
        cast(lately.sum_of_ratios as double)
        / nullif(lately.known, 0) as avg_completion_ratio_last_30_days
    from silver.users
    left join silver.as_of on true
    left join started on users.user_id = started.user_id and started.place = 1
    left join watched on users.user_id = watched.user_id
    left join last_places on users.user_id = last_places.user_id
    left join lately on users.user_id = lately.user_id
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
    from silver.settings
    cross join measured

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
