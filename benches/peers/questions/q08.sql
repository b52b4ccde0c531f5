-- Users at risk: no session for thirty days
select users.user_id, country, last_started_at, sessions_30, sessions_60, sessions_90, sessions
from users
inner join (
    select user_id, max(start_time) as last_started_at, max(day) as last_day, count(*) as sessions,
        sum(case when day >= date '2025-12-02' then 1 else 0 end) as sessions_30,
        sum(case when day >= date '2025-11-02' then 1 else 0 end) as sessions_60,
        sum(case when day >= date '2025-10-03' then 1 else 0 end) as sessions_90
    from watch_sessions
    group by user_id
) as viewing on users.user_id = viewing.user_id
where last_day < date '2025-12-02'
