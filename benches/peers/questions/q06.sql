-- Length of sessions by the viewer's plan at the time
select plan, count(*) as sessions, avg(minutes) as mean_minutes, {quantile:0.5:minutes} as median_minutes, {quantile:0.95:minutes} as p95_minutes
from (
    select user_id, day, cast({us:end_time} - {us:start_time} as double) / 60000000.0 as minutes
    from watch_sessions
) as viewed
inner join subscriptions
    on viewed.user_id = subscriptions.user_id
    and viewed.day >= subscriptions.start_date
    and (subscriptions.end_date is null or viewed.day < subscriptions.end_date)
group by plan
