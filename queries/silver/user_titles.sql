-- How many different titles each user has watched so far.
--
-- Users without a session have no row; those that no source registers do not
-- count.
--
-- grain: user_id
-- check: distinct_titles > 0

with

counted as (

    select unnest(bitmap_histogram(viewer_set)) as viewer
    from silver.title_audiences

)

select
    viewer['id'] as user_id,                -- see silver.users
    viewer['sets'] as distinct_titles       -- different titles watched
from counted
