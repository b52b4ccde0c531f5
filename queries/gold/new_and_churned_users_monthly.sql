-- How many users each month brought, and how many stopped watching in it.
--
-- A user is new in the month of the first subscription's start; a change of plan
-- brings nobody. A user churned who had a session in the 30 days before the month
-- and none in the last 30 days of it. (The days are those that `silver.settings`
-- calls active.) In a month of 31 days the first day lies before those 30. A month
-- whose last day lies after `silver.as_of` is partial: it is looked at on that
-- date and must not be compared with whole ones.
--
-- This is inactivity, not the end of a subscription: that is in
-- `gold.subscription_churn_monthly`.
--
-- grain: month
-- varies: inactivity_rate over month
-- check: churned_users <= active_users_at_start
-- check: active_users_at_end = active_users_at_start + activated_users - churned_users
-- check: inactivity_rate is null or inactivity_rate between 0 and 1

with

clock as (

    select
        as_of.as_of,
        settings.active_days
    from silver.as_of
    cross join silver.settings

),

days as (

    select
        active_days.month,
        active_days.day,
        active_days.users
    from silver.active_days
    cross join silver.as_of
    where active_days.day <= as_of.as_of

),

firsts as (

    select
        subscriptions.user_id,
        min(subscriptions.start_date) as start_date
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of
    group by subscriptions.user_id

),

started as (

    select
        cast(date_trunc('month', start_date) as date) as month,
        count(*) as new_users
    from firsts
    group by date_trunc('month', start_date)

),

first_months as (

    select min(month) as month
    from (
        select min(month) as month
        from days
        union all
        select min(month) as month
        from started
    ) as seen

),

listed as (

    select
        clock.as_of,
        clock.active_days,
        unnest(
            generate_series(
                first_months.month, cast(date_trunc('month', clock.as_of) as date), interval '1 month'
            )
        ) as month
    from clock
    cross join first_months
    where first_months.month <= clock.as_of

),

months as (

    select
        month,
        month - active_days as active_from_at_start,
        least(cast(month + interval '1 month' as date), as_of + 1) as day_after,
        least(cast(month + interval '1 month' as date), as_of + 1) - active_days as active_from_at_end,
        cast(month + interval '1 month' as date) > as_of + 1 as is_partial
    from listed

),

at_start as (

    select
        months.month,
        bitmap_merge(days.users) as users
    from months
    inner join days on days.day >= months.active_from_at_start and days.day < months.month
    group by months.month

),

at_end as (

    select
        months.month,
        bitmap_merge(days.users) as users
    from months
    inner join days on days.day >= months.active_from_at_end and days.day < months.day_after
    group by months.month

),

counted as (

    select
        months.month,
        coalesce(bitmap_count(at_start.users), 0) as active_users_at_start,
        coalesce(bitmap_count(at_end.users), 0) as active_users_at_end,
        coalesce(bitmap_overlap(at_start.users, at_end.users), 0) as active_users_at_both
    from months
    left join at_start on months.month = at_start.month
    left join at_end on months.month = at_end.month

)

select
    months.month,                           -- first day of the month
    months.is_partial,                      -- the month was not over at as_of
    coalesce(started.new_users, 0) as new_users, -- users whose first subscription began in the month
    counted.active_users_at_start, -- with a session in the 30 days before it
    counted.active_users_at_end - counted.active_users_at_both as activated_users, -- without, but with one in its last 30 days
    counted.active_users_at_start - counted.active_users_at_both as churned_users, -- with, but without one in its last 30 days
    counted.active_users_at_end, -- with a session in its last 30 days
    cast(counted.active_users_at_start - counted.active_users_at_both as double)
    / nullif(counted.active_users_at_start, 0) as inactivity_rate -- churned over active at start
from months
left join started on months.month = started.month
left join counted on months.month = counted.month
