{{ config(materialized="incremental", incremental_strategy="delete+insert", unique_key="month") }}
select s.month, g.genre, u.country, count(*) as sessions, count(distinct s.user_id) as viewers,
    sum(epoch(s.end_time) - epoch(s.start_time)) / 60 as watch_minutes
from {{ ref("stg_sessions") }} as s
inner join (select title_id, unnest(string_split(genres, ', ')) as genre from {{ ref("stg_titles") }}) as g
    on s.title_id = g.title_id
inner join {{ ref("stg_users") }} as u on s.user_id = u.user_id
{% if is_incremental() %} where s.month >= date '{{ var("from_month") }}' {% endif %}
group by s.month, g.genre, u.country
