-- Titles that the same users watched
with
top_titles as (
    select title_id from (select title_id, count(*) as sessions from watch_sessions group by title_id) as counted
    order by sessions desc, title_id limit 200
),
watched as (
    select distinct watch_sessions.user_id, watch_sessions.title_id
    from watch_sessions
    inner join top_titles on watch_sessions.title_id = top_titles.title_id
    where watch_sessions.user_id % 10 = 0
)
select one.title_id as title_id, other.title_id as other_title_id, count(*) as users
from watched as one
inner join watched as other on one.user_id = other.user_id and one.title_id < other.title_id
group by one.title_id, other.title_id
order by users desc, title_id, other_title_id
limit 100
