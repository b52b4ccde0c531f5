-- Which genres do the users of each plan watch most?
--
-- Every plan, or one.
--
-- param: plan text = null
-- param: limit bigint = 5

select
    plan,                                   -- the viewers' plan at the time; none without one
    rank as place,                          -- 1 is the plan's most watched
    genre,                                  -- one genre
    watch_minutes_full,                     -- minutes, in full for each genre of a title
    sessions,                               -- sessions with a title of the genre
    genre_watch_share                       -- share of the plan's minutes, divided among a title's genres
from gold.genres_by_plan
where rank <= $limit and ($plan is null or lower(plan) = lower($plan))
order by plan, rank
