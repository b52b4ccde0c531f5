-- Which kinds of users stop watching.
--
-- Every user counts once in each kind of segment: by age at `silver.as_of`, by
-- country, by region and city where known, by plan, and in all. Country and
-- region are the user's or, where the source names none, those of the latest
-- session; users of whom nothing is known are `unknown`. A kind of which nothing
-- is known of anybody is left out. Inactive is as in `gold.user_churn_risk`.
-- `inactivity_rate_30d` is over users with a live subscription.
--
-- grain: segment_kind, segment
-- accepted: segment_kind in (all, age group, country, region, city, plan)
-- check: inactive_users <= users
-- check: subscribed_users <= users
-- check: inactive_subscribed_users <= least(inactive_users, subscribed_users)
-- check: inactivity_rate_30d is null or inactivity_rate_30d between 0 and 1
-- check: inactivity_rate_30d_all_users between 0 and 1

with

aged as (

    select
        users.user_id,
        users.country,
        users.city,
        date_part('year', as_of.as_of) - date_part('year', users.birth_date)
        - case
            when
                100 * date_part('month', as_of.as_of) + date_part('day', as_of.as_of)
                < 100 * date_part('month', users.birth_date) + date_part('day', users.birth_date)
                then 1
            else 0
        end as age
    from silver.users
    left join silver.as_of on true

),

described as (

    select
        user_churn_risk.risk = 'inactive' as is_inactive,
        user_churn_risk.is_subscribed,
        user_churn_risk.plan,
        case
            when aged.age < 18 then 'under 18'
            when aged.age < 25 then '18-24'
            when aged.age < 35 then '25-34'
            when aged.age < 45 then '35-44'
            when aged.age < 55 then '45-54'
            when aged.age < 65 then '55-64'
            when aged.age >= 65 then '65 and over'
        end as age_group,
        coalesce(aged.country, user_churn_risk.last_country) as country,
        user_churn_risk.last_region as region,
        aged.city
    from gold.user_churn_risk
    inner join aged on user_churn_risk.user_id = aged.user_id

),

-- Users of whom the same is known are counted before each of them has six rows.
alike as (

    select
        is_inactive,
        is_subscribed,
        age_group,
        country,
        region,
        city,
        plan,
        count(*) as users
    from described
    group by is_inactive, is_subscribed, age_group, country, region, city, plan

),

segmented as (

    select
        is_inactive,
        is_subscribed,
        users,
        unnest(['all', 'age group', 'country', 'region', 'city', 'plan']) as segment_kind,
        unnest(['all', age_group, country, region, city, plan]) as segment
    from alike

),

counted as (

    select
        segment_kind,
        segment,
        sum(users) as users,
        sum(case when is_inactive then users else 0 end) as inactive_users,
        sum(case when is_subscribed then users else 0 end) as subscribed_users,
        sum(
            case when is_subscribed and is_inactive then users else 0 end
        ) as inactive_subscribed_users
    from segmented
    group by segment_kind, segment

),

kinds as (

    select segment_kind
    from counted
    where segment is not null
    group by segment_kind

)

select
    counted.segment_kind,                   -- what the users are divided by
    coalesce(counted.segment, 'unknown') as segment, -- the users' value of it
    counted.users,                          -- users of the segment
    counted.inactive_users,                 -- of those, inactive
    counted.subscribed_users,               -- users with a live subscription at as_of
    counted.inactive_subscribed_users,      -- of those, inactive
    cast(counted.inactive_subscribed_users as double)
    / nullif(counted.subscribed_users, 0) as inactivity_rate_30d, -- inactive over all with a live subscription
    cast(counted.inactive_users as double)
    / counted.users as inactivity_rate_30d_all_users -- inactive over all users
from counted
inner join kinds on counted.segment_kind = kinds.segment_kind
