-- What each subscription was charged in each month, and what came of it.
--
-- One row per subscription and month with at least one attempt to charge it.
-- Only completed payments are revenue; failed and pending ones stand beside it
-- and are never added to it. Figures of the month as a whole, such as payers,
-- are in `gold.revenue_monthly` and `gold.payment_lapse_monthly`, not repeated
-- on each row. Amounts of different currencies must never be added.
--
-- partition_by: month
-- grain: month, subscription_id
-- not_null: currency
-- references: subscription_id -> silver.subscriptions.subscription_id
-- check: total_payments = completed_payments + pending_payments + failed_payments
-- check: total_payments > 0
-- check: (recognized_revenue > 0) = (completed_payments > 0)
-- check: least(recognized_revenue, pending_amount, failed_amount) >= 0

select
    month,                                  -- first day of the month
    subscription_id,                        -- see gold.dim_subscriptions
    min(plan) as plan,                      -- its plan
    min(currency) as currency,              -- currency of the amounts
    coalesce(sum(amount) filter (where payment_status = 'completed'), 0) as recognized_revenue, -- completed payments only
    coalesce(sum(amount) filter (where payment_status = 'pending'), 0) as pending_amount, -- not revenue yet
    coalesce(sum(amount) filter (where payment_status = 'failed'), 0) as failed_amount, -- never revenue
    count(*) as total_payments,             -- attempts to charge, whatever came of them
    count(*) filter (where payment_status = 'completed') as completed_payments, -- successful attempts
    count(*) filter (where payment_status = 'pending') as pending_payments, -- attempts without a result
    count(*) filter (where payment_status = 'failed') as failed_payments -- attempts that failed
from silver.payments
group by month, subscription_id
