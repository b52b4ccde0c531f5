-- Every title of the platform with its logs, those that nobody watched included.
--
-- Sessions up to `silver.as_of`. Titles of equal logs are told apart by the
-- minutes watched, then by name and number, so that ranks never tie.
--
-- grain: title_id
-- unique: most_watched_rank
-- unique: least_watched_rank
-- check: logs >= 0
-- check: (logs = 0) = (completion_rate_all_sessions is null)
-- check: completion_rate is null or completion_rate between 0 and 1
-- check: platform_rating is null or platform_rating between 0 and 10
-- check: (ratings = 0) = (platform_rating is null)

with

totals as (

    select
        title_id,
        sum(sessions) as logs,
        sum(watch_minutes) as watch_minutes,
        sum(sessions_of_known_length) as sessions_of_known_length,
        sum(completed_sessions) as completed_sessions,
        sum(sum_of_completion_ratios) as sum_of_completion_ratios,
        sum(ratings) as ratings,
        sum(sum_of_ratings) as sum_of_ratings,
        sum(likes) as likes,
        sum(dislikes) as dislikes
    from silver.title_months
    group by title_id

)

select
    dim_titles.id_title as title_id,        -- see silver.titles
    dim_titles.title_name as title,         -- as written
    dim_titles.title_type,                  -- movie, series, episode or other
    coalesce(totals.logs, 0) as logs,       -- sessions with it
    coalesce(totals.watch_minutes, 0) as watch_minutes, -- minutes watched
    cast(totals.completed_sessions as double)
    / nullif(totals.sessions_of_known_length, 0) as completion_rate, -- completed over sessions of known length
    cast(totals.completed_sessions as double)
    / totals.logs as completion_rate_all_sessions, -- completed over all sessions
    cast(totals.sum_of_completion_ratios as double)
    / nullif(totals.sessions_of_known_length, 0) as avg_completion_ratio, -- mean share of it watched
    coalesce(totals.ratings, 0) as ratings, -- ratings given with sessions
    cast(totals.sum_of_ratings as double)
    / nullif(totals.ratings, 0) as platform_rating, -- their mean, 0 to 10; null without any
    dim_titles.title_rating as imdb_rating, -- mean rating on IMDb, 1 to 10
    dim_titles.title_numvot_imdb as imdb_votes, -- ratings it is the mean of
    coalesce(totals.likes, 0) as likes,     -- sessions with a like
    coalesce(totals.dislikes, 0) as dislikes, -- sessions with a dislike
    row_number() over (
        order by
            coalesce(totals.logs, 0) desc,
            coalesce(totals.watch_minutes, 0) desc,
            dim_titles.title_name,
            dim_titles.id_title
    ) as most_watched_rank,                 -- 1 has the most logs
    row_number() over (
        order by
            coalesce(totals.logs, 0),
            coalesce(totals.watch_minutes, 0),
            dim_titles.title_name,
            dim_titles.id_title
    ) as least_watched_rank,                -- 1 has the fewest
    count(*) over (partition by coalesce(totals.logs, 0)) as titles_with_as_many_logs -- itself included
from silver.dim_titles
left join totals on dim_titles.id_title = totals.title_id
