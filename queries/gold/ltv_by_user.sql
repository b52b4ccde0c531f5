-- What each user has paid so far, currency by currency.
--
-- Every user has a row for every currency that any subscription or payment is
-- in, zeros included, so that a mean over users counts those who never paid.
-- Amounts of different currencies must never be added.
--
-- grain: user_id, currency
-- references: user_id -> silver.users.user_id
-- check: lifetime_value >= 0
-- check: (lifetime_value > 0) = (successful_payments > 0)

with

currencies as (

    select currency
    from silver.subscriptions
    union
    select currency
    from silver.payments

),

paid as (

    select
        user_id,
        currency,
        sum(amount) as lifetime_value,
        count(*) as successful_payments,
        min(payment_date) as first_payment_date,
        max(payment_date) as last_payment_date
    from silver.payments
    where is_successful
    group by user_id, currency

)

select
    users.user_id,                          -- see gold.dim_users
    currencies.currency,                    -- currency of the amount
    coalesce(paid.lifetime_value, 0) as lifetime_value, -- sum of successful payments (ltv_realized)
    coalesce(paid.successful_payments, 0) as successful_payments, -- number of them
    paid.first_payment_date,                -- day of the first
    paid.last_payment_date                  -- day of the last
from silver.users
cross join currencies
left join paid
    on users.user_id = paid.user_id
    and currencies.currency = paid.currency
