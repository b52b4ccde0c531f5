-- Active users of days, weeks and months fit each other.
--
-- No day has more users than its month, no month more than its days together,
-- and days, weeks and months hold the same sessions.

with

months as (

    select
        cast(date_trunc('month', day) as date) as month,
        max(dau) as largest_dau,
        sum(dau) as user_days,
        sum(sessions) as sessions
    from gold.active_users_daily
    group by cast(date_trunc('month', day) as date)

),

weeks as (

    select coalesce(sum(sessions), 0) as sessions
    from gold.active_users_weekly

),

days as (

    select coalesce(sum(sessions), 0) as sessions
    from gold.active_users_daily

)

select
    'month' as looked_at,
    active_users_monthly.month as begins,
    active_users_monthly.mau as users,
    months.largest_dau as other_users,
    active_users_monthly.sessions,
    months.sessions as other_sessions
from gold.active_users_monthly
full join months on active_users_monthly.month = months.month
where
    months.largest_dau is null
    or active_users_monthly.mau is null
    or months.largest_dau > active_users_monthly.mau
    or months.user_days < active_users_monthly.mau
    or months.sessions <> active_users_monthly.sessions
union all
select
    'weeks' as looked_at,
    null as begins,
    null as users,
    null as other_users,
    weeks.sessions,
    days.sessions as other_sessions
from weeks
cross join days
where weeks.sessions <> days.sessions
