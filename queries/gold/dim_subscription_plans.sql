-- Every plan, with its price and those who are on it.
--
-- Live is who has a subscription of the plan on the date of `silver.as_of`, by
-- its dates and whatever the source's flag says. A user with live subscriptions
-- of two plans counts in both, so subscribers do not add up over plans. A plan
-- that only subscriptions name has no price.
--
-- grain: plan
-- not_null: currency
-- check: live_subscribers <= live_subscriptions
-- check: live_subscribers <= subscribers
-- check: live_subscriptions <= subscriptions
-- check: subscribers <= subscriptions

with

user_plans as (

    select
        subscriptions.plan,
        subscriptions.user_id,
        count(*) as subscriptions,
        count(*) filter (
            where subscriptions.end_date is null or subscriptions.end_date > as_of.as_of
        ) as live_subscriptions
    from silver.subscriptions
    cross join silver.as_of
    where subscriptions.start_date <= as_of.as_of
    group by subscriptions.plan, subscriptions.user_id

),

counted as (

    select
        plan,
        count(*) as subscribers,
        sum(subscriptions) as subscriptions,
        count(*) filter (where live_subscriptions > 0) as live_subscribers,
        sum(live_subscriptions) as live_subscriptions
    from user_plans
    group by plan

)

select
    coalesce(plans.plan, counted.plan) as plan, -- the plan's name
    plans.plan_id,                          -- the number that the plan file gives
    plans.price,                            -- list price of a month; null where none is known
    coalesce(plans.currency, 'unstated') as currency, -- currency of the price
    coalesce(plans.discount_rate, 0) as discount_rate, -- discount on the list price, 0 to 1; no figure applies it
    plans.price_source,                     -- where the price comes from; null where there is none
    coalesce(counted.live_subscribers, 0) as live_subscribers, -- users on the plan at as_of
    coalesce(counted.live_subscriptions, 0) as live_subscriptions, -- their subscriptions of it
    coalesce(counted.subscribers, 0) as subscribers, -- users who ever had it
    coalesce(counted.subscriptions, 0) as subscriptions -- subscriptions of it so far
from silver.plans
full join counted on plans.plan = counted.plan
