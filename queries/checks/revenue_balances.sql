-- The money in `gold.fct_mrr` is the money in `gold.dim_users`, currency by currency.
--
-- Users who paid in several currencies have no sum in `gold.dim_users`; theirs
-- are taken from `gold.ltv_by_user`.

with

by_month as (

    select
        currency,
        sum(mrr_collected) as revenue
    from gold.fct_mrr
    group by currency

),

user_sums as (

    select
        currency,
        lifetime_value
    from gold.dim_users
    where lifetime_value is not null
    union all
    select
        ltv_by_user.currency,
        ltv_by_user.lifetime_value
    from gold.ltv_by_user
    inner join gold.dim_users on ltv_by_user.user_id = dim_users.user_id
    where dim_users.lifetime_value is null

),

by_user as (

    select
        currency,
        sum(lifetime_value) as revenue
    from user_sums
    group by currency

)

select
    coalesce(by_month.currency, by_user.currency) as currency,
    by_month.revenue as revenue_by_month,
    by_user.revenue as revenue_by_user
from by_month
full join by_user on by_month.currency = by_user.currency
where coalesce(by_month.revenue, 0) <> coalesce(by_user.revenue, 0)
