-- Which titles have the fewest logs?
--
-- Titles that nobody watched come first. Where more titles have as few logs than
-- are listed, the names decide; `titles_with_as_many_logs` tells.
--
-- param: title_type text = null
-- param: limit bigint = 10

select
    title,                                  -- as written
    title_type,                             -- movie, series, episode or other
    logs,                                   -- sessions with it
    watch_minutes,                          -- minutes watched
    titles_with_as_many_logs                -- titles with just as many, itself included
from gold.title_logs
where $title_type is null or title_type = lower($title_type)
order by least_watched_rank
limit $limit
