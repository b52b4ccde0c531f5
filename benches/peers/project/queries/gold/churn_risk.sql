-- Users without a session for thirty days.
--
-- grain: user_id

with

totals as (

    select
        user_id,
        sum(sessions) as sessions,
        max(last_started_at) as last_started_at
    from gold.user_monthly
    group by user_id

),

recent as (

    select
        user_id,
        sum(case when day >= date '2025-12-02' then 1 else 0 end) as sessions_30,
        sum(case when day >= date '2025-11-02' then 1 else 0 end) as sessions_60,
        sum(case when day >= date '2025-10-03' then 1 else 0 end) as sessions_90
    from silver.watch_sessions
    where month >= date '2025-10-01'
    group by user_id

)

select
    users.user_id,                          -- the user
    users.country,                          -- where the user lives
    totals.last_started_at,                 -- when the latest session began
    coalesce(recent.sessions_30, 0) as sessions_30, -- sessions of the last 30 days
    coalesce(recent.sessions_60, 0) as sessions_60, -- of the last 60
    coalesce(recent.sessions_90, 0) as sessions_90, -- of the last 90
    totals.sessions                         -- of all time
from silver.users
inner join totals on users.user_id = totals.user_id
left join recent on users.user_id = recent.user_id
where totals.last_started_at < timestamp '2025-12-02 00:00:00'
