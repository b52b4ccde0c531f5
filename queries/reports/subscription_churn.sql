-- What share of users, and of subscriptions, did the latest complete months lose?
--
-- A change of plan is no loss of a user, but the end of a subscription. Rates
-- are pooled over the months; partial months are left out.
--
-- param: months bigint = 3

with

complete as (

    select
        month,
        users_at_start,
        churned_users,
        subscriptions_at_start,
        subscriptions_churned,
        row_number() over (order by month desc) as place
    from gold.subscription_churn_monthly
    where not is_partial

),

levels as (

    select
        'users' as level,
        month,
        users_at_start as at_start,
        churned_users as churned
    from complete
    where place <= $months
    union all
    select
        'subscriptions' as level,
        month,
        subscriptions_at_start as at_start,
        subscriptions_churned as churned
    from complete
    where place <= $months

)

select
    level,                                  -- users or subscriptions
    to_char(min(month), '%Y-%m') as first_month, -- the first of the months
    to_char(max(month), '%Y-%m') as last_month, -- the last of them
    sum(at_start) as at_risk,               -- live at the months' starts, all months together
    sum(churned) as churned,                -- of those, lost in their month
    cast(sum(churned) as double) / nullif(sum(at_start), 0) as subscription_churn_rate, -- lost over at risk, 0 to 1
    avg(cast(churned as double) / nullif(at_start, 0)) as avg_subscription_churn_rate -- mean of the months' rates
from levels
group by level
order by level desc
