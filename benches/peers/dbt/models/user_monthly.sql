{{ config(materialized="incremental", incremental_strategy="delete+insert", unique_key="month") }}
select month, user_id, count(*) as sessions, sum(epoch(end_time) - epoch(start_time)) / 60 as watch_minutes,
    avg(completion_rate) as completion_rate, max(start_time) as last_started_at
from {{ ref("stg_sessions") }}
{% if is_incremental() %} where month >= date '{{ var("from_month") }}' {% endif %}
group by month, user_id
