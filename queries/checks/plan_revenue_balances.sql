-- Revenue by plan is the price of each user with a live subscription of it.

with

by_user as (

    select
        plans.currency,
        sum(plans.price) as revenue
    from gold.user_churn_risk
    inner join silver.plans on user_churn_risk.plan = plans.plan
    where user_churn_risk.is_subscribed and plans.price is not null
    group by plans.currency

),

by_plan as (

    select
        currency,
        sum(estimated_plan_revenue) as revenue
    from gold.revenue_per_subscription_tier
    where estimated_plan_revenue > 0
    group by currency

)

select
    coalesce(by_user.currency, by_plan.currency) as currency,
    by_user.revenue as revenue_by_user,
    by_plan.revenue as revenue_by_plan
from by_user
full join by_plan on by_user.currency = by_plan.currency
where coalesce(by_user.revenue, 0) <> coalesce(by_plan.revenue, 0)
