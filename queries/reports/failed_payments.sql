-- Which payments failed, and was the subscription paid for afterwards?
--
-- param: since date = null
-- param: until date = null
-- param: plan text = null
-- param: limit bigint = 100

with

failed as (

    select
        payment_id,
        date_key,
        paid_at,
        subscription_id,
        user_id,
        plan,
        amount,
        currency,
        payment_method
    from gold.fact_payments
    where
        payment_status = 'failed'
        and ($since is null or date_key >= cast($since as date))
        and ($until is null or date_key <= cast($until as date))
        and ($plan is null or plan = $plan)

),

next_successes as (

    select
        failed.payment_id,
        min(payments.date_key) as next_success_date
    from failed
    inner join gold.fact_payments as payments
        on failed.subscription_id = payments.subscription_id
    where payments.is_successful and payments.paid_at > failed.paid_at
    group by failed.payment_id

)

select
    failed.payment_id,                      -- the payment's number
    failed.date_key as payment_date,        -- the day it failed
    failed.subscription_id,                 -- see gold.dim_subscriptions
    failed.user_id,                         -- who should have paid
    failed.plan,                            -- the plan it was for
    failed.amount,                          -- money not received
    failed.currency,                        -- its currency
    failed.payment_method,                  -- how it was to be paid
    next_successes.next_success_date        -- next day the subscription was paid for; null if it never was
from failed
left join next_successes on failed.payment_id = next_successes.payment_id
order by failed.paid_at desc, failed.payment_id desc
limit $limit
