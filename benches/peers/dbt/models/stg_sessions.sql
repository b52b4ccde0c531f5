{{ config(materialized="incremental") }}
-- Once it is there, only the new files are read.
select cast(date_trunc('month', start_time) as date) as month, session_id, user_id, movie_id as title_id,
    cast(start_time as date) as day, device_type, start_time, end_time, completion_rate / 100 as completion_rate
from read_csv('{{ var("landing") }}/{{ var("new_sessions") if is_incremental() else "watch_sessions*.csv" }}')
{% if is_incremental() %}
where session_id not in (select session_id from {{ this }} where month >= date '{{ var("from_month") }}')
{% endif %}
