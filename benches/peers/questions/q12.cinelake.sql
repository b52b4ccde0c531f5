-- Sessions that heartbeats make up: a pause of over half an hour begins another
with
viewed as (
    select user_id, unnest(sessionize(event_time, interval '30 minutes')) as session
    from heartbeats
    group by user_id
)
select cast(session['started_at'] as date) as day, count(*) as sessions, count(distinct user_id) as users,
    sum(session['events']) as events,
    sum({us:session['ended_at']} - {us:session['started_at']}) / 60000000.0 as minutes
from viewed
group by 1
