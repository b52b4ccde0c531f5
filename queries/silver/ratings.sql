-- Every rating that a user gave a title.
--
-- Two ratings of one title by one user both count. A rating from before its
-- user registered is flagged, not left out.
--
-- grain: rating_id
-- not_null: user_id, title_id, rating_score, rated_at
-- references: user_id -> silver.users.user_id (warn)
-- references: title_id -> silver.titles.title_id (warn)
-- check: rating_score between 1 and 5
-- check: rating_0_1 between 0 and 1

select
    ratings.rating_id,                      -- the rating's number
    ratings.user_id,                        -- who rated
    ratings.movie_id as title_id,           -- what was rated
    ratings.rating_score,                   -- 1 (worst) to 5 (best)
    cast((ratings.rating_score - 1) / 4.0 as decimal(5,4)) as rating_0_1, -- the same from 0 to 1
    ratings.rating_date as rated_at,        -- when it was given
    local_date(ratings.rating_date) as rating_date, -- the day of it
    local_month(ratings.rating_date) as month, -- first day of its month
    ratings.review_text,                    -- what the user wrote
    ratings.rating_date < users.joined_at as is_before_joining -- given before the user registered
from bronze.ratings
left join silver.users on ratings.user_id = users.user_id
where
    ratings._current
    and not exists (
        select 1
        from silver.test_users
        where test_users.user_id = ratings.user_id
    )
