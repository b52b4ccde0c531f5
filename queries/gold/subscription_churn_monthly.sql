-- How many subscribers each month lost.
--
-- Of the users with a live subscription on the last day of the month before,
-- those with none on the month's last day have churned; a change of plan is no
-- churn. The columns that start with `subscription` count subscriptions
-- instead, where a change of plan is an end and a start. The net rate takes
-- off, in the month in which they return, those users whose last subscription
-- ended at most 12 months before; it is negative when more return than leave.
-- A month whose last day lies after `silver.as_of` is partial: it is looked at
-- on that date and must not be pooled with complete months. A month with nobody
-- at risk has null rates.
--
-- grain: month
-- varies: subscription_churn_rate over month
-- check: churned_users <= users_at_start
-- check: users_at_end = users_at_start + new_users + returned_users - churned_users
-- check: resubscribed_users <= returned_users
-- check: subscription_churn_rate is null or subscription_churn_rate between 0 and 1
-- check: net_subscription_churn_rate is null
--     or net_subscription_churn_rate <= subscription_churn_rate
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

began as (

    select
        subscriptions.user_id,
        subscriptions.start_date,
        subscriptions.end_date,
        min(subscriptions.start_date) over (
            partition by subscriptions.user_id
        ) as first_start_date,
        max(subscriptions.end_date) over (
            partition by subscriptions.user_id
            order by subscriptions.start_date, subscriptions.subscription_id
            rows between unbounded preceding and 1 preceding
        ) as previous_end_date,
        as_of.as_of
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of

),

-- From the month of its start to that of its end: no other month sees a change.
touched as (

    select
        user_id,
        start_date,
        end_date,
        first_start_date,
        previous_end_date,
        unnest(
            generate_series(
                cast(date_trunc('month', start_date) as date),
                cast(date_trunc('month', least(end_date, as_of)) as date),
                interval '1 month'
            )
        ) as month
    from began

),

subscription_months as (

    select
        touched.month,
        touched.user_id,
        touched.first_start_date <= months.day_before as began_before,
        touched.start_date <= months.day_before
        and (touched.end_date is null or touched.end_date > months.day_before) as at_start,
        touched.end_date is null or touched.end_date > months.last_day as at_end,
        touched.start_date,
        touched.previous_end_date
    from touched
    inner join months on touched.month = months.month

),

user_months as (

    select
        month,
        user_id,
        began_before,
        bool_or(at_start) as at_start,
        bool_or(at_end) as at_end,
        min(start_date) filter (where at_end) as returned_on,
        min(previous_end_date) filter (where at_end) as left_on,
        count(*) filter (where at_start) as subscriptions_at_start,
        count(*) filter (where at_start and not at_end) as subscriptions_churned
    from subscription_months
    group by month, user_id, began_before

),

counted as (

    select
        month,
        count(*) filter (where at_start) as users_at_start,
        count(*) filter (where at_end) as users_at_end,
        count(*) filter (where at_end and not began_before) as new_users,
        count(*) filter (where at_end and not at_start and began_before) as returned_users,
        count(*) filter (
            where
                at_end
                and not at_start
                and began_before
                and returned_on <= cast(left_on + interval '12 months' as date)
        ) as resubscribed_users,
        count(*) filter (where at_start and not at_end) as churned_users,
        sum(subscriptions_at_start) as subscriptions_at_start,
        sum(subscriptions_churned) as subscriptions_churned
    from user_months
    group by month

),

filled as (

    select
        months.month,
        months.is_partial,
        coalesce(counted.users_at_start, 0) as users_at_start,
        coalesce(counted.new_users, 0) as new_users,
        coalesce(counted.returned_users, 0) as returned_users,
        coalesce(counted.resubscribed_users, 0) as resubscribed_users,
        coalesce(counted.churned_users, 0) as churned_users,
        coalesce(counted.users_at_end, 0) as users_at_end,
        coalesce(counted.subscriptions_at_start, 0) as subscriptions_at_start,
        coalesce(counted.subscriptions_churned, 0) as subscriptions_churned
    from months
    left join counted on months.month = counted.month

)

select
    month,                                  -- first day of the month
    is_partial,                             -- the month was not over at as_of
    users_at_start,                         -- users live at the end of the month before
    new_users,                              -- live now, never subscribed before
    returned_users,                         -- live now, subscribed once, not live before
    resubscribed_users,                     -- of those, back within 12 months of their last end
    churned_users,                          -- live before, not live now
    users_at_end,                           -- users live at the month's end
    cast(churned_users as double)
    / nullif(users_at_start, 0) as subscription_churn_rate, -- churned over live at start, users
    cast(churned_users - resubscribed_users as double)
    / nullif(users_at_start, 0) as net_subscription_churn_rate, -- churned less resubscribed, over live at start
    subscriptions_at_start,                 -- subscriptions live at the end of the month before
    subscriptions_churned,                  -- of those, not live at the month's end
    cast(subscriptions_churned as double)
    / nullif(subscriptions_at_start, 0) as subscription_churn_rate_by_subscription -- the same over subscriptions
from filled
