-- What subscriptions were charged in a month is what the month's revenue says.

with

by_subscription as (

    select
        month,
        currency,
        sum(recognized_revenue) as recognized_revenue,
        sum(pending_amount) as pending_amount,
        sum(failed_amount) as failed_amount,
        sum(total_payments) as total_payments
    from gold.mart_subscription_revenue_monthly
    group by month, currency

)

select
    coalesce(by_subscription.month, revenue.month) as month,
    coalesce(by_subscription.currency, revenue.currency) as currency,
    by_subscription.recognized_revenue as revenue_of_subscriptions,
    revenue.recognized_revenue as revenue_of_month
from by_subscription
full join gold.revenue_monthly as revenue
    on by_subscription.month = revenue.month
    and by_subscription.currency = revenue.currency
where
    coalesce(by_subscription.recognized_revenue, 0) <> coalesce(revenue.recognized_revenue, 0)
    or coalesce(by_subscription.pending_amount, 0) <> coalesce(revenue.pending_amount, 0)
    or coalesce(by_subscription.failed_amount, 0) <> coalesce(revenue.failed_amount, 0)
    or coalesce(by_subscription.total_payments, 0) <> coalesce(revenue.total_payments, 0)
