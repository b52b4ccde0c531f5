-- The money in `gold.fct_mrr` is the money in `gold.dim_users`.

with

by_month as (

    select coalesce(sum(mrr_collected), 0) as revenue
    from gold.fct_mrr

),

by_user as (

    select coalesce(sum(lifetime_value), 0) as revenue
    from gold.dim_users

)

select
    by_month.revenue as revenue_by_month,
    by_user.revenue as revenue_by_user
from by_month
cross join by_user
where by_month.revenue <> by_user.revenue
