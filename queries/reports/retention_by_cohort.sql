-- Of the users who joined in a month, how many still watch n months later?
--
-- One row per cohort and month since, for the latest cohorts.
--
-- param: cohorts bigint = 12
-- param: months bigint = 12

with

numbered as (

    select
        *,
        dense_rank() over (order by cohort_month desc) as place
    from gold.cohort_retention

)

select
    cohort_month,                           -- month of joining
    months_since_joining,                   -- 0 is that month
    is_partial,                             -- the month looked at was not over at as_of
    cohort_users,                           -- users who joined
    active_users,                           -- of those, watched in the month
    retention_rate,                         -- their share
    active_users_unbounded,                 -- watched in the month or later
    retention_rate_unbounded                -- their share
from numbered
where place <= $cohorts and months_since_joining <= $months
order by cohort_month, months_since_joining
