-- What was watched of each title, by plan and by region.
--
-- The small table that the figures on completion, genres, ratings and regions
-- are added up from. Sessions of unknown users and sessions after `silver.as_of`
-- do not count. The plan is the viewer's at the time. The region is the finest
-- place that the source gives: a region, else a country, else `unknown`.
--
-- grain: title_id, plan, region_level, region
-- accepted: region_level in (region, country, unknown)
-- check: sessions > 0
-- check: completed_sessions <= sessions_of_known_length
-- check: sessions_of_known_length <= sessions
-- check: timed_sessions <= sessions
-- check: sum_of_completion_ratios between 0 and sessions_of_known_length
-- check: likes + dislikes <= sessions

select
    watch_sessions.title_id,                -- see silver.titles
    coalesce(watch_sessions.plan, 'none') as plan, -- the viewer's plan at the time; none without one
    case
        when watch_sessions.region is not null then 'region'
        when watch_sessions.country is not null then 'country'
        else 'unknown'
    end as region_level,                    -- what the region is: region, country or unknown
    coalesce(watch_sessions.region, watch_sessions.country, 'unknown') as region, -- where it was watched
    count(*) as sessions,                   -- sessions
    count(watch_sessions.session_seconds) as timed_sessions, -- of those, with an end after the start
    coalesce(sum(watch_sessions.session_seconds), 0) as session_seconds, -- seconds between their starts and ends
    coalesce(sum(watch_sessions.watch_minutes), 0) as watch_minutes, -- minutes watched
    count(watch_sessions.is_completed) as sessions_of_known_length, -- sessions whose completion is known
    count(*) filter (where watch_sessions.is_completed) as completed_sessions, -- of those, watched to the end
    coalesce(sum(watch_sessions.completion_ratio), 0) as sum_of_completion_ratios, -- their shares of the title
    count(watch_sessions.rating_given) as ratings, -- sessions that were rated
    coalesce(sum(watch_sessions.rating_given), 0) as sum_of_ratings, -- their ratings, 0 to 10
    count(*) filter (where watch_sessions.reaction = 'like') as likes, -- sessions with a like
    count(*) filter (where watch_sessions.reaction = 'dislike') as dislikes -- sessions with a dislike
from silver.watch_sessions
cross join silver.as_of
where not watch_sessions.is_unknown_user and watch_sessions.session_date <= as_of.as_of
group by
    watch_sessions.title_id,
    coalesce(watch_sessions.plan, 'none'),
    case
        when watch_sessions.region is not null then 'region'
        when watch_sessions.country is not null then 'country'
        else 'unknown'
    end,
    coalesce(watch_sessions.region, watch_sessions.country, 'unknown')
