-- Which titles have the most logs?
--
-- `title_type` chooses movie, series, episode or other.
--
-- param: title_type text = null
-- param: limit bigint = 10

select
    title,                                  -- as written
    title_type,                             -- movie, series, episode or other
    logs,                                   -- sessions with it
    watch_minutes                           -- minutes watched
from gold.title_logs
where logs > 0 and ($title_type is null or title_type = lower($title_type))
order by most_watched_rank
limit $limit
