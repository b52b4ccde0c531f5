-- How long the sessions of each plan last.
--
-- The plan is the viewer's at the time; `none` without one. Session minutes run
-- from start to end, watch minutes at most as long as the film. Sessions without
-- an end after their start count as sessions, but in no mean. Medians are read
-- off the number of sessions of each length, which is exact and takes little
-- memory. Sessions of unknown users and sessions after `silver.as_of` do not count.
--
-- grain: plan
-- check: timed_sessions <= sessions
-- check: avg_watch_minutes is null or avg_watch_minutes <= avg_session_minutes
-- check: median_watch_minutes is null or median_watch_minutes <= median_session_minutes

with

lengths as (

    select
        plan,
        measure,
        seconds,
        sum(sessions) as sessions
    from silver.session_lengths
    group by plan, measure, seconds

),

ordered as (

    select
        plan,
        measure,
        seconds,
        sessions,
        sum(sessions) over (partition by plan, measure order by seconds) as sessions_up_to,
        sum(sessions) over (partition by plan, measure) as all_sessions
    from lengths

),

averaged as (

    select
        plan,
        measure,
        cast(sum(seconds * sessions) as double) / sum(sessions) / 60 as mean,
        -- The two in the middle, which are one where the number is odd.
        cast(
            min(seconds) filter (where 2 * sessions_up_to >= all_sessions)
            + min(seconds) filter (where 2 * sessions_up_to > all_sessions) as double
        ) / 120 as median
    from ordered
    group by plan, measure

),

totals as (

    select
        plan,
        sum(sessions) as sessions,
        sum(timed_sessions) as timed_sessions
    from silver.viewing_months
    group by plan

)

select
    totals.plan,                            -- the viewers' plan at the time
    totals.sessions,                        -- sessions
    totals.timed_sessions,                  -- of those, with an end after the start
    session_lengths.mean as avg_session_minutes, -- mean minutes between start and end
    session_lengths.median as median_session_minutes, -- half of the sessions are shorter
    watch_lengths.mean as avg_watch_minutes, -- mean minutes watched
    watch_lengths.median as median_watch_minutes -- in half of the sessions fewer
from totals
left join averaged as session_lengths
    on totals.plan = session_lengths.plan
    and session_lengths.measure = 'session'
left join averaged as watch_lengths
    on totals.plan = watch_lengths.plan
    and watch_lengths.measure = 'watch'
