-- Every user with the subscription that counts now and what was paid so far.
--
-- The current subscription is a live one if there is one, otherwise the
-- latest; only subscriptions that had started by `silver.as_of` count. Dates say
-- what is live, not the source's flag. So a user who cancelled and came back is
-- active. Amounts of different currencies
-- are never added: who paid in several has no sum here, but one for each in
-- `gold.ltv_by_user`.
--
-- grain: user_id
-- references: current_subscription_id -> silver.subscriptions.subscription_id
-- accepted: current_subscription_status in (active, cancelled, expired)
-- check: lifetime_value is null or lifetime_value >= 0
-- check: (lifetime_value is null) = (successful_payments > 0 and currency is null)
-- check: subscription_count >= 0

with

started as (

    select
        subscriptions.subscription_id,
        subscriptions.user_id,
        subscriptions.plan,
        subscriptions.subscription_status,
        subscriptions.start_date,
        row_number() over (
            partition by subscriptions.user_id
            order by
                coalesce(subscriptions.end_date <= as_of.as_of, false),
                subscriptions.start_date desc,
                subscriptions.subscription_id desc
        ) as place,
        count(*) over (partition by subscriptions.user_id) as subscription_count
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of

),

paid as (

    select
        user_id,
        case when min(currency) = max(currency) then min(currency) end as currency,
        min(currency) < max(currency) as is_mixed,
        sum(amount) as lifetime_value,
        count(*) as successful_payments,
        min(payment_date) as first_payment_date,
        max(payment_date) as last_payment_date
    from silver.payments
    where is_successful
    group by user_id

)

select
    users.user_id,                          -- the user's number
    users.name,                             -- full name
    users.first_name,                       -- first name, where the source splits names
    users.last_name,                        -- last name, where the source splits names
    users.company_name,                     -- company, where customers are companies
    users.email,                            -- e-mail address
    users.joined_at as created_at,          -- when the user registered
    users.join_date,                        -- the day of it
    users.join_month,                       -- first day of its month
    users.birth_date,                       -- date of birth
    users.country,                          -- country, as the source spells it
    users.state,                            -- state or region
    users.city,                             -- city
    users.marketing_channel,                -- where the user came from
    users.account_status,                   -- the source's own flag
    started.subscription_status as current_subscription_status, -- of the current subscription
    started.plan as current_plan_type,      -- of the current subscription
    started.subscription_id as current_subscription_id, -- see silver.subscriptions
    started.start_date as current_subscription_start_date, -- first day it is live
    coalesce(started.subscription_count, 0) as subscription_count, -- subscriptions so far
    paid.currency,                          -- what was paid in; null where nothing was, or in several currencies
    case
        when paid.is_mixed is not true then coalesce(paid.lifetime_value, 0)
    end as lifetime_value,                  -- sum of successful payments (ltv_realized); null in several currencies
    coalesce(paid.successful_payments, 0) as successful_payments, -- number of them
    paid.first_payment_date,                -- day of the first
    paid.last_payment_date                  -- day of the last
from silver.users
left join started on users.user_id = started.user_id and started.place = 1
left join paid on users.user_id = paid.user_id
