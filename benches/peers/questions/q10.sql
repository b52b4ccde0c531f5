-- Recurring revenue by user and month
select month, user_id, sum(price) as mrr, count(*) as subscriptions
from (select {months:2024-01-01:2025-12-01} as month) as months
inner join subscriptions
    on subscriptions.start_date < months.month + interval '1' month
    and (subscriptions.end_date is null or subscriptions.end_date > months.month)
group by month, user_id
