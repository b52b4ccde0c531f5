-- What a paying user is expected to bring in all, judged by each month.
--
-- Revenue per paying user over the share of subscribers that the month lost. It
-- is null where nobody was lost or nobody was at risk, where nobody paid, and
-- in a month that is not over at `silver.as_of`, of which neither figure is
-- known yet. The share that was lost is that of all subscribers together,
-- whatever currency they pay in.
--
-- materialized: view
-- grain: month, currency
-- check: ltv_predicted is null or ltv_predicted >= arpu - 0.0001

select
    revenue.month,                          -- first day of the month
    revenue.currency,                       -- currency of the amounts
    revenue.is_partial,                     -- the month was not over at as_of
    revenue.arpu,                           -- revenue per paying user
    churn.subscription_churn_rate,          -- share of the subscribers lost; null with nobody at risk
    case
        when not revenue.is_partial then
            cast(revenue.recognized_revenue as double)
            / nullif(revenue.paying_users, 0)
            / nullif(churn.subscription_churn_rate, 0)
    end as ltv_predicted                    -- revenue per paying user over the share lost
from gold.revenue_monthly as revenue
left join gold.subscription_churn_monthly as churn on revenue.month = churn.month
