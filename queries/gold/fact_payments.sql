-- Every attempt to charge a real user's subscription, with its day as a key.
--
-- Only rows with `is_successful` are revenue.
--
-- materialized: view
-- grain: payment_id
-- not_null: date_key

select
    payment_id,                             -- the payment's number
    payment_date as date_key,               -- the day it was charged
    month,                                  -- first day of its month
    subscription_id,                        -- what was paid for; see gold.dim_subscriptions
    user_id,                                -- who paid; see gold.dim_users
    plan,                                   -- the plan that was paid for
    amount,                                 -- money charged
    currency,                               -- its currency
    paid_at,                                -- when it was charged
    payment_method,                         -- how it was paid
    payment_status,                         -- completed, pending or failed
    is_successful,                          -- whether it is revenue
    is_before_start,                        -- charged before the subscription began
    is_after_end                            -- charged after the day it ended
from silver.payments
