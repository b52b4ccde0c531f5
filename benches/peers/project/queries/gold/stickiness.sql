-- Users by month, and how many of them came on a mean day.
--
-- partition_by: month
-- grain: month

with

days as (

    select month, day, count(distinct user_id) as users
    from silver.watch_sessions
    group by month, day

),

means as (

    select month, avg(users) as mean_dau
    from days
    group by month

),

months as (

    select month, count(distinct user_id) as mau
    from silver.watch_sessions
    group by month

)

select
    months.month,                           -- first day of the month
    months.mau,                             -- different users of the month
    means.mean_dau,                         -- different users of a day with sessions, on average
    means.mean_dau / months.mau as stickiness -- the ratio of both
from months
inner join means on months.month = means.month
