-- Every log of a known user, with the region's name beside its number.
--
-- Users are in `gold.cleaned_users_and_subscriptions`, titles in
-- `gold.cleaned_titles`.
--
-- materialized: view
-- partition_by: month

select
    fact_logs.month,                        -- first day of the month it started in
    fact_logs.id_log,                       -- the source's id
    fact_logs.id_user,                      -- who watched
    fact_logs.id_title,                     -- what was watched
    fact_logs.session_start,                -- when it began
    fact_logs.session_end,                  -- when it ended; null while open
    fact_logs.rating_given,                 -- the viewer's rating, 0 to 10
    fact_logs.id_reaction,                  -- 1 like, 0 neutral, -1 dislike
    fact_logs.id_region,                    -- the region's number
    dim_regions.region_name                 -- the region's name; null where the source gives none
from silver.fact_logs
left join silver.dim_regions on fact_logs.id_region = dim_regions.id_region
