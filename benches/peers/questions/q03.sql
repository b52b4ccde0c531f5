-- The ten titles of each month that are watched to the end most
select month, title_id, sessions, completion_rate, place
from (
    select month, title_id, sessions, completion_rate,
        row_number() over (partition by month order by round(completion_rate, 6) desc, sessions desc, title_id) as place
    from (
        select month, title_id, count(*) as sessions, avg(completion_rate) as completion_rate
        from watch_sessions
        group by month, title_id
    ) as monthly
    where sessions >= 20
) as ranked
where place <= 10
