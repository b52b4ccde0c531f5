-- Of the users who joined in a month, the share that watched n months later.
--
-- A cohort is the users whom `silver.users` has joining in one calendar month;
-- users without such a day belong to none. Month 0 is the month of joining. In
-- `retention_rate` a user counts in the months with a session; in
-- `retention_rate_unbounded` in every month up to that of the last session.
-- Sessions on days before the one of joining or after `silver.as_of` do not
-- count. Every month up to that of `silver.as_of` has a row; that one is
-- partial while it lasts, and the unbounded rates of late months can still rise.
--
-- grain: cohort_month, months_since_joining
-- check: active_users <= active_users_unbounded
-- check: active_users_unbounded <= cohort_users
-- check: retention_rate between 0 and 1
-- check: retention_rate_unbounded between retention_rate and 1

with

members as (

    select
        users.user_id,
        users.join_month as cohort_month,
        users.join_date
    from silver.users
    cross join silver.as_of
    where users.join_date <= as_of.as_of

),

cohorts as (

    select
        members.cohort_month,
        min(as_of.as_of) as as_of,
        count(*) as cohort_users
    from members
    cross join silver.as_of
    group by members.cohort_month

),

cells as (

    select
        cohort_month,
        cohort_users,
        as_of,
        unnest(
            generate_series(cohort_month, cast(date_trunc('month', as_of) as date), interval '1 month')
        ) as month
    from cohorts

),

last_months as (

    select
        members.cohort_month,
        cast(date_trunc('month', user_activity.last_session_date) as date) as month
    from members
    inner join gold.user_activity
        on members.user_id = user_activity.user_id
        and members.join_date <= user_activity.last_session_date

),

leaving as (

    select
        cohort_month,
        month,
        count(*) as last_seen_users
    from last_months
    group by cohort_month, month

),

counted as (

    select
        cells.cohort_month,
        cells.month,
        cells.as_of,
        cells.cohort_users,
        coalesce(active.active_users, 0) as active_users,
        sum(coalesce(leaving.last_seen_users, 0)) over (
            partition by cells.cohort_month
            order by cells.month desc
        ) as active_users_unbounded
    from cells
    left join silver.cohort_months as active
        on cells.cohort_month = active.cohort_month
        and cells.month = active.month
    left join leaving
        on cells.cohort_month = leaving.cohort_month
        and cells.month = leaving.month

)

select
    cohort_month,                           -- first day of the month of joining
    cast(
        12 * (extract(year from month) - extract(year from cohort_month))
        + extract(month from month) - extract(month from cohort_month) as bigint
    ) as months_since_joining,              -- 0 is the month of joining
    month,                                  -- first day of the month looked at
    cast(month + interval '1 month' - interval '1 day' as date) > as_of as is_partial, -- that month was not over at as_of
    cohort_users,                           -- users who joined
    active_users,                           -- of those, with a session in the month
    cast(active_users as double) / cohort_users as retention_rate, -- their share
    active_users_unbounded,                 -- of those who joined, with a session in the month or later
    cast(active_users_unbounded as double) / cohort_users as retention_rate_unbounded -- their share
from counted
