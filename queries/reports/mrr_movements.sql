-- What made monthly recurring revenue grow or shrink in each month?
--
-- param: since date = null

select
    to_char(month, '%Y-%m') as month,       -- the month
    currency,                               -- currency of the amounts
    is_partial,                             -- not over at as_of
    mrr_start,                              -- MRR at the end of the month before
    new,                                    -- from first subscriptions
    expansion,                              -- from users who pay more than before
    reactivation,                           -- from users who came back
    contraction,                            -- lost to users who pay less than before
    churn,                                  -- lost to users with nothing left
    mrr_end,                                -- MRR at the month's end
    gross_mrr_churn_rate,                   -- lost over MRR at the start, 0 to 1
    net_mrr_churn_rate                      -- lost less won from customers, over the start
from gold.mrr_movements_monthly
where $since is null or month >= cast($since as date)
order by month, currency
