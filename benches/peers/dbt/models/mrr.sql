with months as (
    select cast(unnest(generate_series(date '2024-01-01', date '2025-12-01', interval 1 month)) as date) as month
)
select months.month, user_id, sum(price) as mrr, count(*) as subscriptions
from months
inner join {{ ref("stg_subscriptions") }} as s
    on s.start_date < months.month + interval '1' month and (s.end_date is null or s.end_date > months.month)
group by months.month, user_id
