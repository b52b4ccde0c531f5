-- What each user paid in each month, zeros included.
--
-- A dense table: from a user's first subscription month to the last month in
-- which anybody paid. `mrr_collected` is the sum of successful payments in the
-- month. Months without payments at the data's end have no rows, so churn must
-- be read from `gold.subscription_churn_monthly`, not from here. Whoever has
-- subscriptions in several currencies has rows for each; they must never be
-- added.
--
-- grain: user_id, month, currency
-- references: user_id -> gold.dim_users.user_id
-- check: mrr_collected >= 0
-- check: (mrr_collected > 0) = (successful_payments > 0)

with

collected as (

    select
        user_id,
        month,
        currency,
        sum(amount) as mrr_collected,
        count(*) as successful_payments
    from silver.payments
    where is_successful
    group by user_id, month, currency

),

last_month as (

    select max(month) as month
    from collected

),

firsts as (

    select
        user_id,
        currency,
        min(month) as month
    from (
        select
            user_id,
            currency,
            cast(date_trunc('month', start_date) as date) as month
        from silver.subscriptions
        union all
        select
            user_id,
            currency,
            month
        from collected
    ) as begun
    group by user_id, currency

),

user_months as (

    select
        firsts.user_id,
        firsts.currency,
        unnest(generate_series(firsts.month, last_month.month, interval '1 month')) as month
    from firsts
    cross join last_month
    where firsts.month <= last_month.month

)

select
    user_months.user_id,                    -- see gold.dim_users
    user_months.month,                      -- first day of the month
    user_months.currency,                   -- currency of the amount
    coalesce(collected.mrr_collected, 0) as mrr_collected, -- sum of successful payments
    coalesce(collected.successful_payments, 0) as successful_payments -- number of them
from user_months
inner join silver.users on user_months.user_id = users.user_id
left join collected
    on user_months.user_id = collected.user_id
    and user_months.month = collected.month
    and user_months.currency = collected.currency
