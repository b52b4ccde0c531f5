-- What each plan's subscribers of a month are worth at its list price.
--
-- A user counts for a plan and month when a subscription of the plan is live on
-- at least one day of the month up to `silver.as_of`: it began by the month's
-- last day, and ended, if it did, after the month's first. Each user counts
-- once a plan, and whoever changes plan in the month counts with both. A whole
-- month's price is counted even for one day, and discounts are left out, so
-- this is more than `gold.mrr_monthly`, which looks at the last day only. A plan
-- and month without users have no row. A month that is not over at as_of is
-- partial. A plan without a known price has no estimate. Currencies must never
-- be added.
--
-- grain: month, plan, currency
-- check: subscribers > 0
-- check: estimated_plan_revenue is null or estimated_plan_revenue >= 0
-- check: (estimated_plan_revenue is null) = (price is null)

with

spans as (

    select
        subscriptions.user_id,
        subscriptions.plan,
        cast(date_trunc('month', subscriptions.start_date) as date) as first_month,
        cast(
            date_trunc(
                'month', least(cast(subscriptions.end_date - interval '1 day' as date), as_of.as_of)
            ) as date
        ) as last_month
    from silver.subscriptions
    cross join silver.as_of
    where
        subscriptions.start_date <= as_of.as_of
        and (subscriptions.end_date is null or subscriptions.end_date > subscriptions.start_date)

),

live as (

    select
        user_id,
        plan,
        unnest(generate_series(first_month, last_month, interval '1 month')) as month
    from spans

),

user_months as (

    select
        month,
        plan,
        user_id
    from live
    group by month, plan, user_id

),

counted as (

    select
        month,
        plan,
        count(*) as subscribers
    from user_months
    group by month, plan

)

select
    counted.month,                          -- first day of the month
    counted.plan,                           -- the plan's name
    coalesce(plans.currency, 'unstated') as currency, -- currency of the price
    cast(counted.month + interval '1 month' - interval '1 day' as date)
    > as_of.as_of as is_partial,            -- the month was not over at as_of
    plans.price,                            -- list price of a month
    counted.subscribers,                    -- users on the plan on a day of the month
    plans.price * counted.subscribers as estimated_plan_revenue -- list price x users
from counted
cross join silver.as_of
left join silver.plans on counted.plan = plans.plan
