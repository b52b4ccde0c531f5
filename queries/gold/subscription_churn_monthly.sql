-- How many subscribers each month lost.
--
-- Of the users with a live subscription on the last day of the month before,
-- those with none on the month's last day have churned; a change of plan is no
-- churn. The columns that start with `subscription` count subscriptions
-- instead, where a change of plan is an end and a start. A month whose last
-- day lies after `silver.as_of` is partial: it is looked at on that date and
-- must not be pooled with complete months. A month with nobody at risk has
-- null rates.
--
-- grain: month
-- check: churned_users <= users_at_start
-- check: users_at_end = users_at_start + new_users + returned_users - churned_users
-- check: subscription_churn_rate is null or subscription_churn_rate between 0 and 1
-- check: subscriptions_churned <= subscriptions_at_start

with

span as (

    select
        cast(date_trunc('month', min(subscriptions.start_date)) as date) as first_month,
        cast(date_trunc('month', min(as_of.as_of)) as date) as last_month,
        min(as_of.as_of) as as_of
    from silver.subscriptions
    cross join silver.as_of

),

listed as (

    select
        as_of,
        unnest(generate_series(first_month, last_month, interval '1 month')) as month
    from span
    where first_month <= last_month

),

months as (

    select
        month,
        cast(month - interval '1 day' as date) as day_before,
        least(cast(month + interval '1 month' - interval '1 day' as date), as_of) as last_day,
        cast(month + interval '1 month' - interval '1 day' as date) > as_of as is_partial
    from listed

),

subscription_months as (

    select
        months.month,
        subscriptions.user_id,
        subscriptions.start_date <= months.day_before
        and (subscriptions.end_date is null or subscriptions.end_date > months.day_before) as at_start,
        subscriptions.start_date <= months.last_day
        and (subscriptions.end_date is null or subscriptions.end_date > months.last_day) as at_end,
        subscriptions.start_date <= months.day_before as began_before
    from months
    cross join silver.subscriptions

),

user_months as (

    select
        month,
        user_id,
        bool_or(at_start) as at_start,
        bool_or(at_end) as at_end,
        bool_or(began_before) as began_before,
        count(*) filter (where at_start) as subscriptions_at_start,
        count(*) filter (where at_start and not at_end) as subscriptions_churned
    from subscription_months
    group by month, user_id

),

counted as (

    select
        month,
        count(*) filter (where at_start) as users_at_start,
        count(*) filter (where at_end) as users_at_end,
        count(*) filter (where at_end and not began_before) as new_users,
        count(*) filter (where at_end and not at_start and began_before) as returned_users,
        count(*) filter (where at_start and not at_end) as churned_users,
        sum(subscriptions_at_start) as subscriptions_at_start,
        sum(subscriptions_churned) as subscriptions_churned
    from user_months
    group by month

)

select
    counted.month,                          -- first day of the month
    months.is_partial,                      -- the month was not over at as_of
    counted.users_at_start,                 -- users live at the end of the month before
    counted.new_users,                      -- live now, never subscribed before
    counted.returned_users,                 -- live now, subscribed once, not live before
    counted.churned_users,                  -- live before, not live now
    counted.users_at_end,                   -- users live at the month's end
    cast(counted.churned_users as double)
    / nullif(counted.users_at_start, 0) as subscription_churn_rate, -- churned over live at start, users
    counted.subscriptions_at_start,         -- subscriptions live at the end of the month before
    counted.subscriptions_churned,          -- of those, not live at the month's end
    cast(counted.subscriptions_churned as double)
    / nullif(counted.subscriptions_at_start, 0) as subscription_churn_rate_by_subscription -- the same over subscriptions
from counted
inner join months on counted.month = months.month
