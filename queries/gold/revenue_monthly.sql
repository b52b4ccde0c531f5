-- What was earned in each month, and what a paying user brought.
--
-- Only completed payments are revenue; failed and pending ones stand beside it.
-- A retried payment counts with each attempt, so what failed is not all lost. A
-- month without any attempt to charge has no row. Amounts of different
-- currencies must never be added, and paying users of different months do not
-- add up. A month that is not over at `silver.as_of` is partial.
--
-- grain: month, currency
-- check: (recognized_revenue > 0) = (paying_users > 0)
-- check: paying_users <= completed_payments
-- check: completed_payments <= total_payments
-- check: (arpu is null) = (paying_users = 0)
-- check: least(recognized_revenue, pending_amount, failed_amount) >= 0

with

user_months as (

    select
        month,
        currency,
        user_id,
        coalesce(sum(amount) filter (where payment_status = 'completed'), 0) as recognized_revenue,
        coalesce(sum(amount) filter (where payment_status = 'pending'), 0) as pending_amount,
        coalesce(sum(amount) filter (where payment_status = 'failed'), 0) as failed_amount,
        count(*) filter (where payment_status = 'completed') as completed_payments,
        count(*) as total_payments
    from silver.payments
    group by month, currency, user_id

),

totals as (

    select
        month,
        currency,
        sum(recognized_revenue) as recognized_revenue,
        sum(pending_amount) as pending_amount,
        sum(failed_amount) as failed_amount,
        count(*) filter (where completed_payments > 0) as paying_users,
        sum(completed_payments) as completed_payments,
        sum(total_payments) as total_payments
    from user_months
    group by month, currency

)

select
    totals.month,                           -- first day of the month
    totals.currency,                        -- currency of the amounts
    cast(totals.month + interval '1 month' - interval '1 day' as date)
    > as_of.as_of as is_partial,            -- the month was not over at as_of
    totals.recognized_revenue,              -- completed payments only
    totals.paying_users,                    -- different users with a completed payment
    round(
        cast(totals.recognized_revenue as decimal(24,6)) / nullif(totals.paying_users, 0), 4
    ) as arpu,                              -- revenue per paying user; null without any
    totals.pending_amount,                  -- not revenue yet
    totals.failed_amount,                   -- never revenue
    totals.completed_payments,              -- successful attempts
    totals.total_payments                   -- attempts to charge, whatever came of them
from totals
cross join silver.as_of
