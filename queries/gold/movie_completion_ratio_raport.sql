-- What share of a film is watched in a session, on average.
--
-- One row. Sessions with series and with titles of unknown length do not count:
-- nobody knows what share of them was watched. Sessions up to `silver.as_of`.
--
-- materialized: view
-- check: sessions_of_known_length <= sessions
-- check: avg_completion_ratio is null or avg_completion_ratio between 0 and 1

select
    round(
        cast(sum(sum_of_completion_ratios) as double) / nullif(sum(sessions_of_known_length), 0), 3
    ) as avg_completion_ratio,              -- mean share watched, 0 to 1, to three places; null where nothing is known
    coalesce(sum(sessions_of_known_length), 0) as sessions_of_known_length, -- sessions it is the mean of
    coalesce(sum(sessions), 0) as sessions  -- all sessions
from silver.viewing_months
