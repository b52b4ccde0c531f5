-- Which titles are rated best?
--
-- In a given month, or in all. The average is over all ratings, and only titles
-- with enough of them are listed. Of equal ones the title with more ratings
-- comes first.
--
-- param: month date = null
-- param: min_ratings bigint = 3
-- param: limit bigint = 10

with

rated as (

    select
        title_id,
        sum(total_ratings) as total_ratings,
        sum(sum_of_scores) as sum_of_scores
    from gold.mart_movie_rating_monthly
    where $month is null or month = cast(date_trunc('month', cast($month as date)) as date)
    group by title_id

)

select
    titles.title,                           -- as written
    titles.genres,                          -- comma list
    cast(rated.sum_of_scores as double) / rated.total_ratings as avg_rating, -- mean score, 1 to 5
    rated.total_ratings                     -- ratings
from rated
left join silver.titles on rated.title_id = titles.title_id
where rated.total_ratings >= $min_ratings
order by avg_rating desc, rated.total_ratings desc, rated.title_id
limit $limit
