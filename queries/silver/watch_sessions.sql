-- Every viewing session, with the minutes that count and whether it completed.
--
-- `watch_minutes` is the session's length, for films of known length at most
-- the film's. `completion_ratio` is the session's share of the film's length, to
-- the second; null for series and unknown lengths. A session is completed from
-- the ratio on that `silver.settings` names. Only sessions of test accounts are
-- left out. One that ends before it starts, lies before its user registered or
-- its title was added, or whose user or title is unknown, is flagged. A session
-- belongs to the month in which it began.
--
-- partition_by: month
-- grain: month, session_id
-- order_by: title_id, user_id, session_id
-- not_null: user_id, title_id, started_at
-- references: user_id -> silver.users.user_id (warn)
-- references: title_id -> silver.titles.title_id (warn)
-- accepted: source in (watch_sessions, watch_logs, wowcinema_data)
-- check: completion_ratio is null or completion_ratio between 0 and 1
-- check: watch_minutes is null or watch_minutes >= 0
-- check: watch_minutes is null or watch_minutes <= session_minutes
-- check: not is_end_before_start (warn)
-- check: reported_completion_ratio is null or reported_completion_ratio <= 1 (warn)

with

names as (

    -- Titles of one name are told apart by nothing but their catalogue number.
    select
        title,
        min(title_id) as title_id
    from silver.titles
    where catalogue = 'netflix'
    group by title

),

listed as (

    select
        'watch_sessions' as source,
        month,
        session_id,
        cast(null as text) as log_id,
        user_id,
        movie_id as title_id,
        trim(device_type) as device_type,
        start_time as started_at,
        end_time as ended_at,
        completion_rate as reported_completion_ratio,
        cast(null as text) as logged_plan,
        cast(null as decimal(4,2)) as rating_given,
        cast(null as smallint) as reaction_type,
        cast(null as text) as country_code,
        cast(null as smallint) as region_code
    from bronze.watch_sessions
    where _current
    union all
    select
        'watch_logs' as source,
        month,
        stable_id(log_id) as session_id,
        log_id,
        user_id,
        case
            when regexp_like(title_key, '^[0-9]+$') then cast(title_key as bigint)
            when regexp_like(title_key, '^s[0-9]+$') then 1000000000 + cast(substr(title_key, 2) as bigint)
            when regexp_like(title_key, '^tt[0-9]+$') then 4000000000 + cast(substr(title_key, 3) as bigint)
            else stable_id(title_key)
        end as title_id,
        null as device_type,
        start_time as started_at,
        end_time as ended_at,
        null as reported_completion_ratio,
        null as logged_plan,
        rating_given,
        reaction_type,
        country_code,
        region_code
    from bronze.watch_logs
    where _current
    union all
    select
        'wowcinema_data' as source,
        logs.month,
        stable_id(logs.log_id) as session_id,
        logs.log_id,
        stable_id(logs.username) as user_id,
        coalesce(names.title_id, stable_id(logs.title_name)) as title_id,
        null as device_type,
        logs.watch_start_time as started_at,
        logs.watch_end_time as ended_at,
        null as reported_completion_ratio,
        coalesce(plans.plan, logs.subscription_plan) as logged_plan,
        logs.rating_given,
        logs.reaction_type,
        logs.country_code,
        logs.region_code
    from bronze.wowcinema_data as logs
    left join names on logs.title_name = names.title
    left join silver.plans on logs.subscription_plan = cast(plans.plan_id as text)
    where logs._current

),

timed as (

    select
        *,
        local_date(started_at) as session_date,
        coalesce(ended_at < started_at, false) as is_end_before_start,
        case
            when ended_at >= started_at then
                cast(
                    date_part('epoch', ended_at) - date_part('epoch', started_at) as bigint
                )
        end as session_seconds
    from listed
    where not exists (
        select 1
        from silver.test_users
        where test_users.user_id = listed.user_id
    )

)

select
    timed.month,                            -- first day of the month it started in
    timed.session_id,                       -- the session's number
    timed.log_id,                           -- the session's id, where the source names sessions by text
    timed.user_id,                          -- who watched
    timed.title_id,                         -- what was watched
    timed.session_date,                     -- the day it started
    timed.device_type,                      -- device watched on
    timed.started_at,                       -- when it began
    timed.ended_at,                         -- when it ended; null while open
    timed.session_seconds,                  -- seconds between start and end; null without an end after the start
    timed.session_seconds / 60 as session_minutes, -- whole minutes between start and end; null without an end after the start
    titles.duration_minutes as title_minutes, -- the film's length; null for series
    case
        when titles.duration_minutes * 60 < timed.session_seconds
            then cast(titles.duration_minutes as bigint)
        else timed.session_seconds / 60
    end as watch_minutes,                   -- minutes watched, at most the film's length
    cast(
        case
            when titles.duration_minutes * 60 <= timed.session_seconds then 1.0
            else cast(timed.session_seconds as decimal(12,4)) / (titles.duration_minutes * 60)
        end as decimal(7,6)
    ) as completion_ratio,                  -- share of the film watched, 0 to 1
    timed.session_seconds
    >= settings.completed_at * titles.duration_minutes * 60 as is_completed, -- watched to the end; null where the length is unknown
    timed.reported_completion_ratio,        -- what the source says
    coalesce(timed.logged_plan, user_plans.plan) as plan, -- the viewer's plan at the time; null without one
    coalesce(upper(trim(timed.country_code)), users.country) as country, -- where it was watched; the viewer's country where the source does not say
    regions.region_name as region,          -- where it was watched; null where the source does not say
    timed.rating_given,                     -- the viewer's rating, 0 to 10
    cast(timed.rating_given / 10 as decimal(5,4)) as rating_0_1, -- the same from 0 to 1
    reactions.reaction,                     -- like, neutral or dislike
    timed.source,                           -- the kind of file it came with
    timed.is_end_before_start,              -- the source's end lies before its start
    timed.started_at < users.joined_at as is_before_joining, -- started before the user registered
    timed.started_at < titles.added_at as is_before_added, -- started before the title was added
    users.user_id is null as is_unknown_user, -- nobody of that number is registered
    titles.title_id is null as is_unknown_title -- no catalogue has it
from timed
cross join silver.settings
left join silver.titles on timed.title_id = titles.title_id
left join silver.users on timed.user_id = users.user_id
left join silver.user_plans
    on timed.user_id = user_plans.user_id
    and timed.session_date >= user_plans.valid_from
    and (user_plans.valid_to is null or timed.session_date < user_plans.valid_to)
left join silver.regions on timed.region_code = regions.region_id
left join silver.reactions on timed.reaction_type = reactions.reaction_id
