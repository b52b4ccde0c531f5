-- The ten titles with the fewest logs.
--
-- Titles that nobody watched come first. Where more than ten have as few logs,
-- the names decide which are listed; `titles_with_as_many_logs` tells.
--
-- materialized: view
-- grain: place
-- unique: title_id
-- check: logs >= 0

select
    least_watched_rank as place,            -- 1 has the fewest logs
    title_id,                               -- see silver.titles
    title,                                  -- as written
    title_type,                             -- movie, series, episode or other
    logs,                                   -- sessions with it
    watch_minutes,                          -- minutes watched
    titles_with_as_many_logs                -- titles with just as many, itself included
from gold.title_logs
where least_watched_rank <= 10
