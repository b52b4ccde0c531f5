{{ config(materialized="incremental", incremental_strategy="delete+insert", unique_key="month") }}
with
sessions as (
    select month, day, user_id from {{ ref("stg_sessions") }}
    {% if is_incremental() %} where month >= date '{{ var("from_month") }}' {% endif %}
),
days as (select month, day, count(distinct user_id) as users from sessions group by month, day),
means as (select month, avg(users) as mean_dau from days group by month),
months as (select month, count(distinct user_id) as mau from sessions group by month)
select months.month, mau, mean_dau, mean_dau / mau as stickiness
from months
inner join means on months.month = means.month
