-- How long each user watched each genre in which month.
--
-- A title's minutes count in full for each of its genres; titles without genres
-- are left out. Sessions of unknown users and those after `silver.as_of` do not
-- count.
--
-- partition_by: month
-- grain: month, user_id, genre
-- check: watch_minutes >= 0

select
    user_title_months.month,                -- first day of the month
    user_title_months.user_id,              -- who watched
    title_genres.genre,                     -- one genre
    sum(user_title_months.watch_minutes) as watch_minutes -- minutes watched
from silver.user_title_months
inner join silver.title_genres on user_title_months.title_id = title_genres.title_id
group by user_title_months.month, user_title_months.user_id, title_genres.genre
