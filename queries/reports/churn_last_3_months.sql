-- How many subscribers did the latest complete months lose?
--
-- One row a month, then one for the pooled rate over the complete months.
-- Partial months are listed and flagged, and never pooled.
--
-- tags: demo
-- param: months bigint = 3

with

numbered as (

    select
        month,
        is_partial,
        users_at_start,
        churned_users,
        subscription_churn_rate,
        row_number() over (partition by is_partial order by month desc) as place
    from gold.subscription_churn_monthly

),

listed as (

    select
        month,
        is_partial,
        users_at_start,
        churned_users,
        subscription_churn_rate
    from numbered
    where is_partial or place <= $months

),

pooled as (

    select
        sum(users_at_start) as users_at_start,
        sum(churned_users) as churned_users
    from listed
    where not is_partial

)

select
    to_char(month, '%Y-%m') as month,       -- the month, or all of them
    is_partial,                             -- not over at as_of
    users_at_start,                         -- users at risk
    churned_users,                          -- users lost
    subscription_churn_rate                 -- lost over at risk, 0 to 1
from listed
union all
select
    'all complete' as month,
    false as is_partial,
    users_at_start,
    churned_users,
    cast(churned_users as double) / nullif(users_at_start, 0) as subscription_churn_rate
from pooled
order by month
