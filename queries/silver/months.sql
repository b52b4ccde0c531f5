-- Calendar months as `silver.as_of` sees them: which of their days count.
--
-- One row per month, from that of the first session to that of as_of. What is
-- added up by month joins this table instead of `silver.as_of`: when a day goes
-- by only the current month changes, so only that month is built again.
--
-- partition_by: month
-- grain: month
-- check: last_day >= month

with

bounds as (

    select min(month) as first_month
    from silver.watch_sessions

),

listed as (

    select
        as_of.as_of,
        unnest(
            generate_series(
                bounds.first_month, cast(date_trunc('month', as_of.as_of) as date), interval '1 month'
            )
        ) as month
    from bounds
    cross join silver.as_of
    where bounds.first_month <= as_of.as_of

)

select
    month,                                  -- first day of the month
    least(cast(month + interval '1 month' - interval '1 day' as date), as_of) as last_day, -- last day that counts
    cast(month + interval '1 month' - interval '1 day' as date) > as_of as is_partial -- not over at as_of
from listed
