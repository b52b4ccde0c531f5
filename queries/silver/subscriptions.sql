-- Every subscription of a real user, with an end where it has ended.
--
-- A subscription is live from its start date up to, and not on, its end date;
-- `subscription_status` is the source's flag and decides nothing where there is
-- an end date.
-- One that is cancelled or expired without an end date is taken to end a month
-- after its last successful payment, or a month after its start when there was
-- none; the flag `is_end_imputed` says so. Where the users' file names a plan
-- and no subscription of the user has a row, that plan is the subscription; the
-- plan of a viewer's newest session likewise, from the first session on where
-- the rows do not say when it began.
--
-- grain: subscription_id
-- not_null: user_id, plan, start_date
-- accepted: subscription_status in (active, cancelled, expired)
-- accepted: source in (subscriptions, users, wowcinema_data)
-- references: user_id -> silver.users.user_id (warn)
-- references: plan -> silver.plans.plan (warn)
-- check: end_date is null or end_date >= start_date

with

last_successes as (

    select
        subscription_id,
        local_date(max(payment_date)) as last_success_date
    from bronze.payments
    where _current and lower(trim(status)) in ('success', 'completed')
    group by subscription_id

),

from_users as (

    select
        stable_id(concat('user ', cast(users.user_id as text))) as subscription_id,
        users.user_id,
        users.plan,
        users.subscription_status,
        coalesce(users.subscription_start_date, users.join_date, users.created_at) as started_at
    from bronze.users
    left anti join bronze.subscriptions
        on users.user_id = subscriptions.user_id
    where users._current and nullif(trim(users.plan), '') is not null

),

from_logs as (

    select
        stable_id(concat('viewer ', username)) as subscription_id,
        stable_id(username) as user_id,
        subscription_plan as plan,
        subscription_status,
        coalesce(
            subscription_start_date,
            min(watch_start_time) over (partition by username)
        ) as started_at,
        row_number() over (
            partition by username
            order by watch_start_time desc, log_id
        ) as place
    from bronze.wowcinema_data
    where _current and nullif(trim(subscription_plan), '') is not null

),

listed as (

    select
        'subscriptions' as source,
        subscription_id,
        user_id,
        trim(plan_type) as plan,
        lower(trim(status)) as status,
        start_date as started_at,
        local_date(end_date) as end_date,
        price
    from bronze.subscriptions
    where _current
    union all
    select
        'users' as source,
        subscription_id,
        user_id,
        trim(plan) as plan,
        lower(trim(subscription_status)) as status,
        started_at,
        null as end_date,
        null as price
    from from_users
    union all
    select
        'wowcinema_data' as source,
        subscription_id,
        user_id,
        trim(plan) as plan,
        lower(trim(subscription_status)) as status,
        started_at,
        null as end_date,
        null as price
    from from_logs
    where place = 1

),

cleaned as (

    select
        listed.source,
        listed.subscription_id,
        listed.user_id,
        coalesce(numbered.plan, listed.plan) as plan,
        case
            when listed.status is null or listed.status = '1' then 'active'
            when listed.status = 'canceled' then 'cancelled'
            when listed.status in ('inactive', '0') then 'expired'
            else listed.status
        end as subscription_status,
        listed.started_at,
        local_date(listed.started_at) as start_date,
        listed.end_date,
        listed.price
    from listed
    left join silver.plans as numbered on listed.plan = cast(numbered.plan_id as text)
    where listed.user_id not in (select user_id from silver.test_users)

)

select
    cleaned.subscription_id,                -- the subscription's number
    cleaned.user_id,                        -- who subscribed
    cleaned.plan,                           -- the plan's name
    coalesce(cleaned.price, plans.price) as price, -- price of a month; the plan's where the source names none
    coalesce(plans.currency, 'unstated') as currency, -- currency of the price
    cleaned.subscription_status,            -- active, cancelled or expired
    cleaned.started_at,                     -- when it began
    cleaned.start_date,                     -- the day of it, the first it is live
    case
        when cleaned.end_date is not null then cleaned.end_date
        when cleaned.subscription_status <> 'active' then
            cast(
                coalesce(last_successes.last_success_date, cleaned.start_date)
                + interval '1 month' as date
            )
    end as end_date,                        -- first day it is not; null while open
    cleaned.end_date is null
    and cleaned.subscription_status <> 'active' as is_end_imputed, -- the source gave no end
    cleaned.source                          -- the file that names it
from cleaned
left join silver.plans on cleaned.plan = plans.plan
left join last_successes on cleaned.subscription_id = last_successes.subscription_id
