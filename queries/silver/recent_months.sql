-- The months that hold the days on which a session makes a user active.
--
-- These days are `silver.as_of` and as many before it as `silver.settings` says:
-- one or two months, seldom more. What is counted over them joins this table, so
-- that of all other months no row is read.
--
-- partition_by: month
-- grain: month
-- check: active_since <= as_of

with

clock as (

    select
        as_of.as_of,
        as_of.as_of - settings.active_days as active_since
    from silver.as_of
    cross join silver.settings
    where as_of.as_of is not null

)

select
    unnest(
        generate_series(
            cast(date_trunc('month', active_since) as date),
            cast(date_trunc('month', as_of) as date),
            interval '1 month'
        )
    ) as month,                             -- first day of the month
    active_since,                           -- the first of the days
    as_of                                   -- the last
from clock
