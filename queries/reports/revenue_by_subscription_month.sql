-- What did each subscription bring in each month?
--
-- param: month date = null
-- param: subscription_id bigint = null
-- param: limit bigint = 100

select
    to_char(month, '%Y-%m') as month,       -- the month
    subscription_id,                        -- see gold.dim_subscriptions
    plan,                                   -- its plan
    currency,                               -- currency of the amounts
    recognized_revenue,                     -- completed payments only
    pending_amount,                         -- not revenue yet
    failed_amount,                          -- never revenue
    completed_payments,                     -- successful attempts to charge
    total_payments                          -- attempts, whatever came of them
from gold.mart_subscription_revenue_monthly
where
    ($month is null or month = cast(date_trunc('month', cast($month as date)) as date))
    and ($subscription_id is null or subscription_id = $subscription_id)
order by month desc, currency, recognized_revenue desc, subscription_id
limit $limit
