with
totals as (
    select user_id, sum(sessions) as sessions, max(last_started_at) as last_started_at
    from {{ ref("user_monthly") }}
    group by user_id
),
recent as (
    select user_id,
        sum(case when day >= date '2025-12-02' then 1 else 0 end) as sessions_30,
        sum(case when day >= date '2025-11-02' then 1 else 0 end) as sessions_60,
        sum(case when day >= date '2025-10-03' then 1 else 0 end) as sessions_90
    from {{ ref("stg_sessions") }}
    where month >= date '2025-10-01'
    group by user_id
)
select u.user_id, u.country, t.last_started_at, coalesce(sessions_30, 0) as sessions_30,
    coalesce(sessions_60, 0) as sessions_60, coalesce(sessions_90, 0) as sessions_90, t.sessions
from {{ ref("stg_users") }} as u
inner join totals as t on u.user_id = t.user_id
left join recent as r on u.user_id = r.user_id
where t.last_started_at < timestamp '2025-12-02'
