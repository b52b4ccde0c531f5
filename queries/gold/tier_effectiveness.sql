-- How well each plan does, from 0 to 1.
--
-- The plain mean of three parts: the share of the plan's users who are active,
-- the mean engagement score of its users, and its estimated revenue over that of
-- the plan that brings the most in the same currency. A part that is not known is
-- left out of the mean. Plans without users are left out.
--
-- materialized: view
-- grain: plan
-- check: active_share between 0 and 1
-- check: avg_engagement_score between 0 and 1
-- check: revenue_score is null or revenue_score between 0 and 1
-- check: tier_effectiveness between 0 and 1

with

engaged as (

    select
        plan,
        avg(user_engagement_score) as avg_engagement_score
    from gold.user_engagement_score
    group by plan

),

earning as (

    select
        plan,
        cast(estimated_plan_revenue as double) / nullif(
            cast(max(estimated_plan_revenue) over (partition by currency) as double), 0
        ) as revenue_score
    from gold.revenue_per_subscription_tier

),

scored as (

    select
        user_distribution_by_plan.plan,
        user_distribution_by_plan.users,
        cast(user_distribution_by_plan.active_users as double)
        / user_distribution_by_plan.users as active_share,
        engaged.avg_engagement_score,
        earning.revenue_score
    from gold.user_distribution_by_plan
    inner join engaged on user_distribution_by_plan.plan = engaged.plan
    left join earning on user_distribution_by_plan.plan = earning.plan

)

select
    plan,                                   -- the plan's name; none for users without one
    users,                                  -- users on it, or on it last
    active_share,                           -- of those, with a session in the last 30 days
    avg_engagement_score,                   -- mean of gold.user_engagement_score
    revenue_score,                          -- estimated revenue over that of the best plan of its currency
    (active_share + avg_engagement_score + coalesce(revenue_score, 0))
    / case when revenue_score is null then 2 else 3 end as tier_effectiveness -- mean of the known parts
from scored
