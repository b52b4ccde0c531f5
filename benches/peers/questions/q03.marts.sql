-- The ten titles of each month that are watched to the end most
select month, title_id, sessions, completion_rate, place
from (
    select month, title_id, sessions, completion_rate,
        row_number() over (partition by month order by round(completion_rate, 6) desc, sessions desc, title_id) as place
    from gold.title_monthly
    where sessions >= 20
) as ranked
where place <= 10
