-- The MRR of all plans together is the MRR with which the month's movements end.

with

by_plan as (

    select
        month,
        currency,
        sum(mrr) as mrr
    from gold.mrr_monthly
    group by month, currency

)

select
    coalesce(by_plan.month, movements.month) as month,
    coalesce(by_plan.currency, movements.currency) as currency,
    by_plan.mrr as mrr_of_plans,
    movements.mrr_end as mrr_of_movements
from by_plan
full join gold.mrr_movements_monthly as movements
    on by_plan.month = movements.month
    and by_plan.currency = movements.currency
where coalesce(by_plan.mrr, 0) <> coalesce(movements.mrr_end, 0)
