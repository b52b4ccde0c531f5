-- Numbers that definitions depend on, in one place. One row.
--
-- grain: completed_at

select
    0.85 as completed_at,                   -- completion ratio from which a session counts as completed
    30 as active_days,                      -- days since the last activity up to which a user is active; one more is inactive
    15000 as imdb_titles,                   -- titles of IMDb that belong to the catalogue: those with the most votes
    5 as recommendation_min_viewers,        -- users who must have watched both titles of a recommendation
    500 as recommendation_titles,           -- titles that recommendations are made of: those with the most viewers
    20 as recommendations_per_title,        -- recommendations that a title has at most
    2 as low_engagement_sessions,           -- sessions in the last active_days below which an active user's engagement is low
    0.30 as low_engagement_completion,      -- mean completion ratio in them below which it is low
    8 as engaged_days                       -- days with a session, of the last active_days, from which a user comes often enough
