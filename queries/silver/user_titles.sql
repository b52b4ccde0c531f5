-- How many different titles each user has watched so far.
--
-- Users without a session have no row; those that no source registers do not
-- count.
--
-- grain: user_id
-- check: distinct_titles > 0

with

viewings as (

    select unnest(bitmap_values(viewer_set)) as user_id
    from silver.title_audiences

)

select
    user_id,                                -- see silver.users
    count(*) as distinct_titles             -- different titles watched
from viewings
group by user_id
