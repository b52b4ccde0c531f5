-- The ten titles with the most logs.
--
-- Titles of equal logs are ordered by minutes watched, then by name. Titles that
-- nobody watched are never among them.
--
-- materialized: view
-- grain: place
-- unique: title_id
-- check: logs > 0

select
    most_watched_rank as place,             -- 1 has the most logs
    title_id,                               -- see silver.titles
    title,                                  -- as written
    title_type,                             -- movie, series, episode or other
    logs,                                   -- sessions with it
    watch_minutes                           -- minutes watched
from gold.title_logs
where most_watched_rank <= 10 and logs > 0
