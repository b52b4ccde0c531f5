-- Each month starts with the MRR with which the month before ended.

with

neighbours as (

    select
        month,
        currency,
        mrr_start,
        lag(mrr_end) over (partition by currency order by month) as mrr_end_before
    from gold.mrr_movements_monthly

)

select
    month,
    currency,
    mrr_end_before,
    mrr_start
from neighbours
where mrr_start <> coalesce(mrr_end_before, 0)
