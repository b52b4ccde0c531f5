-- How many users have registered since a date?
--
-- The date itself counts; without one, all users whose registration is known.
--
-- param: since date = null

select
    coalesce(cast($since as date), min(join_date)) as since, -- the first day that counts
    count(*) as users                       -- users who registered on it or later
from gold.dim_users
where
    join_date is not null
    and ($since is null or join_date >= cast($since as date))
