-- Every subscription of a real user, with an end where it has ended.
--
-- A subscription is live from its start date up to, and not on, its end date.
-- A cancelled one without an end date is taken to end a month after its last
-- successful payment, or a month after its start when there was none; the
-- flag `is_end_imputed` says so.
--
-- grain: subscription_id
-- not_null: user_id, plan, start_date
-- accepted: subscription_status in (active, cancelled, expired)
-- references: user_id -> silver.users.user_id (warn)
-- check: end_date is null or end_date >= start_date

with

last_successes as (

    select
        subscription_id,
        max(cast(payment_date as date)) as last_success_date
    from bronze.payments
    where _current and lower(trim(status)) in ('success', 'completed')
    group by subscription_id

),

cleaned as (

    select
        subscription_id,
        user_id,
        trim(plan_type) as plan,
        case lower(trim(status))
            when 'canceled' then 'cancelled'
            when 'inactive' then 'expired'
            else lower(trim(status))
        end as subscription_status,
        cast(start_date as date) as start_date,
        cast(end_date as date) as end_date,
        price
    from bronze.subscriptions
    where
        _current
        and user_id not in (select user_id from silver.test_users)

)

select
    cleaned.subscription_id,                -- the subscription's number
    cleaned.user_id,                        -- who subscribed
    cleaned.plan,                           -- the plan's name
    cleaned.price,                          -- monthly price, where the source says
    cleaned.subscription_status,            -- active, cancelled or expired
    cleaned.start_date,                     -- first day it is live
    case
        when cleaned.end_date is not null then cleaned.end_date
        when cleaned.subscription_status = 'cancelled' then
            cast(
                coalesce(last_successes.last_success_date, cleaned.start_date)
                + interval '1 month' as date
            )
    end as end_date,                        -- first day it is not; null while open
    cleaned.end_date is null
    and cleaned.subscription_status = 'cancelled' as is_end_imputed -- the source gave no end
from cleaned
left join last_successes on cleaned.subscription_id = last_successes.subscription_id
