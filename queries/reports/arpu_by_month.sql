-- What did a paying user bring in each month, and what will one bring in all?
--
-- The prediction is null in months that lost nobody and in partial ones.
--
-- param: since date = null

select
    to_char(revenue.month, '%Y-%m') as month, -- the month
    revenue.currency,                       -- currency of the amounts
    revenue.is_partial,                     -- not over at as_of
    revenue.recognized_revenue,             -- completed payments only
    revenue.paying_users,                   -- users with one
    revenue.arpu,                           -- revenue per paying user
    predicted.subscription_churn_rate,      -- share of the subscribers lost, 0 to 1
    round(predicted.ltv_predicted, 4) as ltv_predicted -- revenue per paying user over that share
from gold.revenue_monthly as revenue
inner join gold.ltv_predicted_monthly as predicted
    on revenue.month = predicted.month
    and revenue.currency = predicted.currency
where $since is null or revenue.month >= cast($since as date)
order by month, currency
