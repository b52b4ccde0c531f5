-- How each title was rated, month by month.
--
-- One row per title and month with a rating. `sum_of_scores` over
-- `total_ratings` is the average, also of several months together; the mean of
-- monthly averages is not. Raters of several months do not add up.
--
-- partition_by: month
-- grain: month, title_id
-- references: title_id -> silver.titles.title_id (warn)
-- check: avg_rating between 1 and 5
-- check: unique_raters between 1 and total_ratings

with

raters as (

    select
        month,
        title_id,
        user_id,
        count(*) as ratings,
        sum(rating_score) as sum_of_scores
    from silver.ratings
    group by month, title_id, user_id

)

select
    month,                                  -- first day of the month
    title_id,                               -- see silver.titles
    cast(sum(sum_of_scores) as double) / sum(ratings) as avg_rating, -- mean score, 1 to 5
    sum(ratings) as total_ratings,          -- ratings given in the month
    count(*) as unique_raters,              -- different users
    sum(sum_of_scores) as sum_of_scores     -- all scores added up
from raters
group by month, title_id
