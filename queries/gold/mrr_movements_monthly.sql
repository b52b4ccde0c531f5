-- What moved monthly recurring revenue from one month's end to the next.
--
-- For each user, the price of all live subscriptions together at the end of the
-- month before is compared with that at the month's end. So a change to a
-- dearer plan is expansion, to a cheaper one contraction, and neither is churn.
-- A user without MRR before is new when no paid subscription in the currency
-- had begun before the month, and reactivated otherwise. A user who both leaves and
-- returns between two month ends has not moved. Currencies are told apart, so
-- whoever changes currency is churn in one and new in the other. A month that
-- is not over at `silver.as_of` is partial and must not be pooled with complete
-- ones. Rates are null in a month that starts without MRR; the net rate is
-- negative when more was won from those who were customers than was lost.
--
-- grain: month, currency
-- check: mrr_end = mrr_start + new + expansion + reactivation - contraction - churn
-- check: least(mrr_start, new, expansion, contraction, churn, reactivation, mrr_end) >= 0
-- check: contraction + churn <= mrr_start
-- check: gross_mrr_churn_rate is null or gross_mrr_churn_rate between 0 and 1
-- check: (gross_mrr_churn_rate is null) = (mrr_start = 0)
-- check: net_mrr_churn_rate is null or net_mrr_churn_rate <= gross_mrr_churn_rate

with

paid as (

    select
        subscriptions.user_id,
        subscriptions.currency,
        cast(date_trunc('month', min(subscriptions.start_date)) as date) as first_month
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of and subscriptions.price > 0
    group by subscriptions.user_id, subscriptions.currency

),

spans as (

    select
        paid.currency,
        min(paid.first_month) as first_month,
        cast(date_trunc('month', as_of.as_of) as date) as last_month
    from paid
    cross join silver.as_of
    group by paid.currency, as_of.as_of

),

months as (

    select
        currency,
        unnest(generate_series(first_month, last_month, interval '1 month')) as month
    from spans

),

at_ends as (

    select
        month,
        user_id,
        currency,
        sum(mrr) as mrr
    from gold.mrr_by_user_monthly
    where mrr is not null
    group by month, user_id, currency

),

user_months as (

    select
        coalesce(ends.month, starts.month) as month,
        coalesce(ends.user_id, starts.user_id) as user_id,
        coalesce(ends.currency, starts.currency) as currency,
        coalesce(ends.mrr, 0) as mrr_end,
        coalesce(starts.mrr, 0) as mrr_start
    from at_ends as ends
    full join (
        select
            cast(month + interval '1 month' as date) as month,
            user_id,
            currency,
            mrr
        from at_ends
    ) as starts
        on ends.month = starts.month
        and ends.user_id = starts.user_id
        and ends.currency = starts.currency

),

moved as (

    select
        user_months.month,
        user_months.currency,
        sum(user_months.mrr_start) as mrr_start,
        sum(user_months.mrr_end) as mrr_end,
        sum(user_months.mrr_end) filter (
            where user_months.mrr_start = 0 and paid.first_month = user_months.month
        ) as new,
        sum(user_months.mrr_end) filter (
            where user_months.mrr_start = 0 and paid.first_month < user_months.month
        ) as reactivation,
        sum(user_months.mrr_end - user_months.mrr_start) filter (
            where user_months.mrr_start > 0 and user_months.mrr_end > user_months.mrr_start
        ) as expansion,
        sum(user_months.mrr_start - user_months.mrr_end) filter (
            where user_months.mrr_end > 0 and user_months.mrr_end < user_months.mrr_start
        ) as contraction,
        sum(user_months.mrr_start) filter (where user_months.mrr_end = 0) as churn
    from user_months
    inner join paid
        on user_months.user_id = paid.user_id
        and user_months.currency = paid.currency
    group by user_months.month, user_months.currency

),

filled as (

    select
        months.month,
        months.currency,
        coalesce(moved.mrr_start, 0) as mrr_start,
        coalesce(moved.new, 0) as new,
        coalesce(moved.expansion, 0) as expansion,
        coalesce(moved.contraction, 0) as contraction,
        coalesce(moved.churn, 0) as churn,
        coalesce(moved.reactivation, 0) as reactivation,
        coalesce(moved.mrr_end, 0) as mrr_end
    from months
    left join moved
        on months.month = moved.month
        and months.currency = moved.currency

)

select
    filled.month,                           -- first day of the month
    filled.currency,                        -- currency of the amounts
    cast(filled.month + interval '1 month' - interval '1 day' as date)
    > as_of.as_of as is_partial,            -- the month was not over at as_of
    filled.mrr_start,                       -- MRR at the end of the month before
    filled.new,                             -- MRR of users who never subscribed before
    filled.expansion,                       -- what users pay more than before
    filled.contraction,                     -- what users pay less than before
    filled.churn,                           -- MRR of users with nothing left
    filled.reactivation,                    -- MRR of users who came back
    filled.mrr_end,                         -- MRR at the month's end
    cast(filled.churn + filled.contraction as double)
    / nullif(cast(filled.mrr_start as double), 0) as gross_mrr_churn_rate, -- lost over MRR at the start
    cast(filled.churn + filled.contraction - filled.expansion - filled.reactivation as double)
    / nullif(cast(filled.mrr_start as double), 0) as net_mrr_churn_rate -- lost less won from customers, over the start
from filled
cross join silver.as_of
