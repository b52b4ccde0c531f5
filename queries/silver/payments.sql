-- Every attempt to charge a real user's subscription.
--
-- The source's words for the result become one vocabulary: `success` and
-- `completed` are `completed`. Only completed payments are revenue. A payment
-- outside its subscription's life is flagged, not left out.
--
-- grain: payment_id
-- not_null: subscription_id, amount, payment_date, payment_status
-- accepted: payment_status in (completed, pending, failed)
-- references: subscription_id -> silver.subscriptions.subscription_id
-- check: amount > 0

select
    payments.payment_id,                    -- the payment's number
    payments.subscription_id,               -- what was paid for
    coalesce(payments.user_id, subscriptions.user_id) as user_id, -- who paid
    subscriptions.plan,                     -- the plan that was paid for
    payments.amount,                        -- money charged
    coalesce(subscriptions.currency, 'unstated') as currency, -- its currency
    payments.payment_date as paid_at,       -- when it was charged
    local_date(payments.payment_date) as payment_date, -- the day of it
    local_month(payments.payment_date) as month, -- first day of its month
    trim(payments.method) as payment_method, -- how it was paid
    case lower(trim(payments.status))
        when 'success' then 'completed'
        else lower(trim(payments.status))
    end as payment_status,                  -- completed, pending or failed
    lower(trim(payments.status)) in ('success', 'completed') as is_successful, -- whether it is revenue
    payments.payment_date < subscriptions.started_at as is_before_start, -- charged before the subscription began
    coalesce(
        local_date(payments.payment_date) > subscriptions.end_date, false
    ) as is_after_end                       -- charged after the day it ended
from bronze.payments
left join silver.subscriptions on payments.subscription_id = subscriptions.subscription_id
where
    payments._current
    and payments.subscription_id not in (
        select subscription_id
        from bronze.subscriptions
        where user_id in (select user_id from silver.test_users)
    )
