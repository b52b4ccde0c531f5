{{ config(materialized="incremental", incremental_strategy="delete+insert", unique_key="month") }}
select month, title_id, count(*) as sessions, count(distinct user_id) as viewers,
    sum(epoch(end_time) - epoch(start_time)) / 60 as watch_minutes, avg(completion_rate) as completion_rate
from {{ ref("stg_sessions") }}
{% if is_incremental() %} where month >= date '{{ var("from_month") }}' {% endif %}
group by month, title_id
