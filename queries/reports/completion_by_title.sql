-- Which titles are watched to the end most often?
--
-- Only titles with enough sessions of known length: a single one makes 0 or 1.
--
-- param: min_sessions bigint = 10
-- param: limit bigint = 20

select
    titles.title,                           -- as written
    titles.genres,                          -- comma list
    titles.duration_minutes,                -- running time
    completion_by_title.sessions,           -- sessions with it
    completion_by_title.sessions_of_known_length, -- of those, completion is known
    completion_by_title.completed_sessions, -- of those, watched to the end
    completion_by_title.completion_rate,    -- completed over those of known length
    completion_by_title.avg_completion_ratio -- mean share of the title watched
from gold.completion_by_title
left join silver.titles on completion_by_title.title_id = titles.title_id
where completion_by_title.sessions_of_known_length >= greatest($min_sessions, 1)
order by
    completion_by_title.completion_rate desc,
    completion_by_title.sessions_of_known_length desc,
    completion_by_title.title_id
limit $limit
