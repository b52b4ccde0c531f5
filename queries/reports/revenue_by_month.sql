-- How much was earned in each month, and how much failed or is pending?
--
-- param: since date = null

select
    to_char(month, '%Y-%m') as month,       -- the month
    currency,                               -- currency of the amounts
    is_partial,                             -- not over at as_of
    recognized_revenue,                     -- completed payments only
    pending_amount,                         -- not revenue yet
    failed_amount,                          -- never revenue
    completed_payments,                     -- successful attempts to charge
    total_payments                          -- attempts, whatever came of them
from gold.revenue_monthly
where $since is null or month >= cast($since as date)
order by month, currency
