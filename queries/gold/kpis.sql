-- The figures a manager asks for first, one a row.
--
-- All are as of `silver.as_of`. A figure that nothing is known for has a null
-- value. `subject` says whom a figure is about: a genre, a plan, a currency, or
-- all. Money has its currency as its unit; rates are fractions. Sessions of
-- unknown users do not count.
--
-- grain: kpi, subject
-- not_null: unit, period, definition
-- check: value is null or unit <> 'share' or value between 0 and 1

with

clock as (

    select
        as_of.as_of,
        settings.active_days,
        settings.completed_at,
        -- The month is over when its last day is, on as_of at the latest.
        cast(
            date_trunc('month', as_of.as_of + 1) - interval '1 month' as date
        ) as last_month
    from silver.as_of
    cross join silver.settings

),

viewing as (

    select
        cast(sum(completed_sessions) as double) as completed_sessions,
        sum(sessions_of_known_length) as sessions_of_known_length,
        sum(sessions) as sessions,
        cast(sum(sum_of_completion_ratios) as double) as sum_of_completion_ratios,
        cast(sum(session_seconds) as double) as session_seconds,
        sum(timed_sessions) as timed_sessions
    from silver.viewing_months

),

monthly as (

    select bitmap_count(bitmap_merge(active_days.users)) as mau
    from silver.active_days
    inner join clock on active_days.month = clock.last_month

),

risks as (

    select
        count(*) filter (where risk <> 'inactive') as active_users,
        cast(
            count(*) filter (where is_subscribed and risk = 'inactive') as double
        ) as inactive_subscribed_users,
        count(*) filter (where is_subscribed) as subscribed_users
    from gold.user_churn_risk

),

genres as (

    select
        genre,
        cast(sum(watch_minutes_split) as double) as watch_minutes_split,
        sum(watch_minutes_full) as watch_minutes_full
    from gold.genre_totals
    group by genre

),

ranked_genres as (

    select
        genre,
        watch_minutes_split / nullif(sum(watch_minutes_split) over (), 0) as genre_watch_share,
        row_number() over (order by genre = 'unknown', watch_minutes_full desc, genre) as place
    from genres

),

ranked_plans as (

    select
        plan,
        currency,
        cast(estimated_plan_revenue as double) as estimated_plan_revenue,
        cast(sum(estimated_plan_revenue) over (partition by currency) as double) as currency_revenue,
        row_number() over (
            partition by currency
            order by estimated_plan_revenue desc, plan
        ) as place
    from gold.revenue_per_subscription_tier
    where estimated_plan_revenue > 0

),

figures as (

    select
        'completion_rate' as kpi,
        'all' as subject,
        completed_sessions / nullif(sessions_of_known_length, 0) as value,
        'share' as unit,
        'to date' as period,
        'completed sessions over sessions of known length' as definition
    from viewing
    union all
    select
        'completion_rate_all_sessions' as kpi,
        'all' as subject,
        completed_sessions / nullif(sessions, 0) as value,
        'share' as unit,
        'to date' as period,
        'completed sessions over all sessions' as definition
    from viewing
    union all
    select
        'avg_completion_ratio' as kpi,
        'all' as subject,
        sum_of_completion_ratios / nullif(sessions_of_known_length, 0) as value,
        'share' as unit,
        'to date' as period,
        'mean share of a title watched in a session' as definition
    from viewing
    union all
    select
        'avg_session_minutes' as kpi,
        'all' as subject,
        session_seconds / 60 / nullif(timed_sessions, 0) as value,
        'minutes' as unit,
        'to date' as period,
        'mean minutes between start and end of a session' as definition
    from viewing
    union all
    select
        'mau' as kpi,
        'all' as subject,
        case when viewing.sessions > 0 then cast(monthly.mau as double) end as value,
        'users' as unit,
        'last complete month' as period,
        'different users with a session in the month' as definition
    from monthly
    cross join viewing
    union all
    select
        'active_users_30d' as kpi,
        'all' as subject,
        case when viewing.sessions > 0 then cast(risks.active_users as double) end as value,
        'users' as unit,
        'active days' as period,
        'different users with a session lately' as definition
    from risks
    cross join viewing
    union all
    select
        'inactivity_rate_30d' as kpi,
        'all' as subject,
        case
            when viewing.sessions > 0
                then risks.inactive_subscribed_users / nullif(risks.subscribed_users, 0)
        end as value,
        'share' as unit,
        'active days' as period,
        'users with a live subscription and no session lately over users with a live subscription' as definition
    from risks
    cross join viewing
    union all
    select
        'top_genre_watch_share' as kpi,
        genre as subject,
        genre_watch_share as value,
        'share' as unit,
        'to date' as period,
        'the most watched genre: its minutes, split over the genres of a title, over all minutes' as definition
    from ranked_genres
    where place = 1
    union all
    select
        'top_plan_estimated_revenue' as kpi,
        plan as subject,
        estimated_plan_revenue as value,
        currency as unit,
        'a month' as period,
        'the plan of most revenue: list price x users with a live subscription' as definition
    from ranked_plans
    where place = 1
    union all
    select
        'estimated_revenue_per_active_user' as kpi,
        ranked_plans.currency as subject,
        ranked_plans.currency_revenue / nullif(risks.active_users, 0) as value,
        ranked_plans.currency as unit,
        'a month' as period,
        'list prices of all live subscriptions over users with a session lately' as definition
    from ranked_plans
    cross join risks
    where ranked_plans.place = 1

)

select
    figures.kpi,                            -- name of the figure
    figures.subject,                        -- whom it is about: all, a genre, a plan or a currency
    figures.value,                          -- the figure; null where nothing is known
    figures.unit,                           -- share (0 to 1), users, or a currency
    case figures.period
        when 'to date' then concat('up to ', clock.as_of)
        when 'last complete month' then to_char(clock.last_month, '%Y-%m')
        when 'active days' then concat(clock.active_days, ' days up to ', clock.as_of)
        when 'a month' then concat('a month, at ', clock.as_of)
    end as period,                          -- the time it is about
    case
        when figures.kpi like 'completion_rate%'
            then concat(figures.definition, '; completed from ', clock.completed_at, ' of the length on')
        else figures.definition
    end as definition                       -- how it is reckoned
from figures
cross join clock
