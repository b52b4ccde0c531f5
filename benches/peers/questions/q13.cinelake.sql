-- Titles that the same users watched, from the set of each title's users
with
top_titles as (
    select title_id from (select title_id, count(*) as sessions from watch_sessions group by title_id) as counted
    order by sessions desc, title_id limit 200
),
audiences as (
    select watch_sessions.title_id, bitmap_agg(watch_sessions.user_id) as users
    from watch_sessions
    inner join top_titles on watch_sessions.title_id = top_titles.title_id
    where watch_sessions.user_id % 10 = 0
    group by watch_sessions.title_id
)
select one.title_id as title_id, other.title_id as other_title_id, bitmap_overlap(one.users, other.users) as users
from audiences as one
inner join audiences as other on one.title_id < other.title_id
order by users desc, title_id, other_title_id
limit 100
