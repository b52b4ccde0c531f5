-- Every rating as a fact of the star, keyed by its day.
--
-- materialized: view
-- grain: rating_id
-- references: date_key -> gold.dim_date.date_key

select
    rating_id,                              -- the rating's number
    user_id,                                -- see gold.dim_users
    title_id,                               -- see gold.dim_movies
    rating_date as date_key,                -- see gold.dim_date
    month,                                  -- first day of the month
    rated_at,                               -- when it was given
    rating_score,                           -- 1 (worst) to 5 (best)
    rating_0_1,                             -- the same from 0 to 1
    review_text,                            -- what the user wrote
    is_before_joining                       -- given before the user registered
from silver.ratings
