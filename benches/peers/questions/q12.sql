-- Sessions that heartbeats make up: a pause of over half an hour begins another
with
paused as (
    select user_id, event_time, lag(event_time) over (partition by user_id order by event_time) as before
    from heartbeats
),
numbered as (
    select user_id, event_time,
        sum(case when before is null or {us:event_time} - {us:before} > 1800000000 then 1 else 0 end)
            over (partition by user_id order by event_time rows between unbounded preceding and current row) as number
    from paused
),
viewed as (
    select user_id, number, min(event_time) as started_at, max(event_time) as ended_at, count(*) as events
    from numbered
    group by user_id, number
)
select {date:started_at} as day, count(*) as sessions, count(distinct user_id) as users, sum(events) as events,
    sum({us:ended_at} - {us:started_at}) / 60000000.0 as minutes
from viewed
group by {date:started_at}
