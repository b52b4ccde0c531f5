-- Of the users who first subscribed in the same month, how many stay and what they pay.
--
-- A user belongs to the month of the first subscription in the currency. Every
-- cohort has a row for each month from then to that of `silver.as_of`. A user is
-- live in a month who has a live subscription on its last day; one who left and
-- came back is live again, so the rate can rise. Payments count in the month
-- in which they were completed, and the sum so far takes in those from before
-- the first subscription began. A month that is not over at as_of is partial.
-- Amounts of different currencies must never be added.
--
-- grain: cohort_month, months_since_start, currency
-- check: live_users <= cohort_users
-- check: subscriber_retention_rate between 0 and 1
-- check: recognized_revenue <= recognized_revenue_to_date

with

members as (

    select
        subscriptions.user_id,
        subscriptions.currency,
        cast(date_trunc('month', min(subscriptions.start_date)) as date) as cohort_month
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of
    group by subscriptions.user_id, subscriptions.currency

),

cohorts as (

    select
        members.cohort_month,
        members.currency,
        count(*) as cohort_users,
        cast(date_trunc('month', as_of.as_of) as date) as last_month,
        as_of.as_of
    from members
    cross join silver.as_of
    group by members.cohort_month, members.currency, as_of.as_of

),

cohort_months as (

    select
        cohort_month,
        currency,
        cohort_users,
        as_of,
        unnest(generate_series(cohort_month, last_month, interval '1 month')) as month
    from cohorts

),

live_users as (

    select
        month,
        user_id,
        currency
    from gold.mrr_by_user_monthly
    group by month, user_id, currency

),

live as (

    select
        members.cohort_month,
        members.currency,
        live_users.month,
        count(*) as live_users
    from live_users
    inner join members
        on live_users.user_id = members.user_id
        and live_users.currency = members.currency
    group by members.cohort_month, members.currency, live_users.month

),

-- What came in before the cohort's month counts in it, towards the sum so far.
paid as (

    select
        members.cohort_month,
        members.currency,
        greatest(payments.month, members.cohort_month) as month,
        sum(payments.amount) as amount,
        coalesce(
            sum(payments.amount) filter (where payments.month >= members.cohort_month), 0
        ) as recognized_revenue
    from silver.payments
    inner join members
        on payments.user_id = members.user_id
        and payments.currency = members.currency
    where payments.is_successful
    group by
        members.cohort_month,
        members.currency,
        greatest(payments.month, members.cohort_month)

)

select
    cohort_months.cohort_month,             -- first day of the month of the first subscription
    cast(
        (date_part('year', cohort_months.month) - date_part('year', cohort_months.cohort_month)) * 12
        + date_part('month', cohort_months.month) - date_part('month', cohort_months.cohort_month)
        as bigint
    ) as months_since_start,                -- months after the cohort's, 0 being its own
    cohort_months.currency,                 -- currency of the amounts
    cohort_months.month,                    -- first day of the month looked at
    cast(cohort_months.month + interval '1 month' - interval '1 day' as date)
    > cohort_months.as_of as is_partial,    -- the month was not over at as_of
    cohort_months.cohort_users,             -- users of the cohort
    coalesce(live.live_users, 0) as live_users, -- of those, live at the month's end
    cast(coalesce(live.live_users, 0) as double)
    / cohort_months.cohort_users as subscriber_retention_rate, -- live over all users of the cohort
    coalesce(paid.recognized_revenue, 0) as recognized_revenue, -- completed payments of the month
    sum(coalesce(paid.amount, 0)) over (
        partition by cohort_months.cohort_month, cohort_months.currency
        order by cohort_months.month
        rows between unbounded preceding and current row
    ) as recognized_revenue_to_date         -- completed payments up to the month's end
from cohort_months
left join live
    on cohort_months.cohort_month = live.cohort_month
    and cohort_months.currency = live.currency
    and cohort_months.month = live.month
left join paid
    on cohort_months.cohort_month = paid.cohort_month
    and cohort_months.currency = paid.currency
    and cohort_months.month = paid.month
