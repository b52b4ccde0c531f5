-- How engaged each user is, from 0 to 1.
--
-- The plain mean of three parts, all about the last 30 days up to `silver.as_of`.
-- Recency is 1 for a session on that day and falls evenly to 0 on the first day
-- that makes a user inactive. Frequency is the days with a session over the days
-- that `silver.settings` calls enough, at most 1. Completion is the mean share
-- watched of each title; where nothing is known of it, the score is the mean of
-- the other two.
--
-- grain: user_id
-- check: recency_score between 0 and 1
-- check: frequency_score between 0 and 1
-- check: completion_score is null or completion_score between 0 and 1
-- check: user_engagement_score between 0 and 1

with

scored as (

    select
        user_churn_risk.user_id,
        user_churn_risk.plan,
        user_churn_risk.risk,
        coalesce(
            greatest(
                cast(0 as double),
                1 - cast(user_churn_risk.days_since_last_session as double) / (settings.active_days + 1)
            ),
            0
        ) as recency_score,
        least(
            cast(1 as double),
            cast(user_churn_risk.active_days_last_30_days as double) / settings.engaged_days
        ) as frequency_score,
        user_churn_risk.avg_completion_ratio_last_30_days as completion_score
    from gold.user_churn_risk
    cross join silver.settings

)

select
    user_id,                                -- see silver.users
    plan,                                   -- of the live subscription, else the latest; none without one
    risk,                                   -- see gold.user_churn_risk
    recency_score,                          -- 1 for a session on as_of, 0 for an inactive user
    frequency_score,                        -- days with a session over enough days
    completion_score,                       -- mean share of titles watched; null where unknown
    (recency_score + frequency_score + coalesce(completion_score, 0))
    / case when completion_score is null then 2 else 3 end as user_engagement_score -- mean of the known parts
from scored
