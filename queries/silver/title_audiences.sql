-- Who has watched each title so far, as a set of users.
--
-- Sets of the months are united once here for all that compare titles by their
-- viewers or viewers by their titles. Titles without a session have no row.
--
-- grain: title_id
-- check: viewers = bitmap_count(viewer_set)
-- check: viewers > 0

select
    title_id,                               -- see silver.titles
    bitmap_merge(viewers) as viewer_set,    -- users who watched it
    bitmap_count(bitmap_merge(viewers)) as viewers -- how many they are
from silver.title_months
group by title_id
