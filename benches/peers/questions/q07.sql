-- Active users by day and month, and their ratio
with
days as (select month, day, count(distinct user_id) as dau from watch_sessions group by month, day),
means as (select month, avg(dau) as mean_dau from days group by month),
months as (select month, count(distinct user_id) as mau from watch_sessions group by month)
select months.month, mau, mean_dau, mean_dau / mau as stickiness
from months
inner join means on months.month = means.month
