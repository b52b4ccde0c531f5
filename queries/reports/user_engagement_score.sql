-- Which users are the most engaged?
--
-- Every plan, or one. Each part and the score lie between 0 and 1.
--
-- param: plan text = null
-- param: limit bigint = 20

select
    user_engagement_score.user_id,          -- the user's number
    users.name,                             -- full name
    user_engagement_score.plan,             -- of the live subscription, else the latest
    user_engagement_score.user_engagement_score, -- mean of the known parts
    user_engagement_score.recency_score,    -- 1 for a session on as_of, 0 for an inactive user
    user_engagement_score.frequency_score,  -- days with a session over enough days
    user_engagement_score.completion_score  -- mean share of titles watched
from gold.user_engagement_score
inner join silver.users on user_engagement_score.user_id = users.user_id
where $plan is null or lower(user_engagement_score.plan) = lower($plan)
order by user_engagement_score.user_engagement_score desc, user_engagement_score.user_id
limit $limit
