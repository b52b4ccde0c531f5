-- New, returning and churned users by month
with
active as (select distinct user_id, month from watch_sessions),
neighbours as (
    select user_id, month,
        lag(month) over (partition by user_id order by month) as month_before,
        lead(month) over (partition by user_id order by month) as month_after
    from active
)
select month, count(*) as active_users,
    sum(case when month_before is null then 1 else 0 end) as new_users,
    sum(case when month_before < month - interval '1' month then 1 else 0 end) as returning_users,
    sum(case when month_after is null or month_after > month + interval '1' month then 1 else 0 end) as churned_users
from neighbours
group by month
