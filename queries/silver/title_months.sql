-- What was watched of each title in which month, and by whom, as a set.
--
-- `bitmap_merge(viewers)` unites the viewers of several months, `bitmap_count`
-- counts them. Sessions of unknown users and those after `silver.as_of` do not
-- count.
--
-- partition_by: month
-- grain: month, title_id
-- check: sessions > 0
-- check: bitmap_count(viewers) <= sessions
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: sum_of_completion_ratios between 0 and sessions_of_known_length
-- check: likes + dislikes <= sessions

select
    watch_sessions.month,                   -- first day of the month
    watch_sessions.title_id,                -- see silver.titles
    bitmap_agg(watch_sessions.user_id) as viewers, -- the users who watched it
    count(*) as sessions,                   -- sessions
    coalesce(sum(watch_sessions.watch_minutes), 0) as watch_minutes, -- minutes watched
    count(watch_sessions.is_completed) as sessions_of_known_length, -- sessions whose completion is known
    count(*) filter (where watch_sessions.is_completed) as completed_sessions, -- of those, watched to the end
    coalesce(sum(watch_sessions.completion_ratio), 0) as sum_of_completion_ratios, -- their shares of the title
    count(watch_sessions.rating_given) as ratings, -- sessions that were rated
    coalesce(sum(watch_sessions.rating_given), 0) as sum_of_ratings, -- their ratings, 0 to 10
    count(*) filter (where watch_sessions.reaction = 'like') as likes, -- sessions with a like
    count(*) filter (where watch_sessions.reaction = 'dislike') as dislikes -- sessions with a dislike
from silver.watch_sessions
inner join silver.months
    on watch_sessions.month = months.month
    and watch_sessions.session_date <= months.last_day
where not watch_sessions.is_unknown_user
group by watch_sessions.month, watch_sessions.title_id
