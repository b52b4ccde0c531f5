-- Every interaction of a known user with the product.
--
-- Interactions of unknown users, and those dated before their user registered,
-- are in `silver.rejected_interactions` instead; the two add up.
--
-- partition_by: month
-- grain: month, interaction_id
-- order_by: user_id, interacted_at
-- not_null: user_id, interacted_at
-- references: user_id -> silver.users.user_id
-- check: duration_minutes is null or duration_minutes >= 0 (warn)

select
    interactions.month,                     -- first day of its month
    interactions.interaction_id,            -- the interaction's id
    interactions.user_id,                   -- who interacted
    user_plans.plan,                        -- the plan the user was on; null without one
    interactions.interaction_date as interacted_at, -- when
    local_date(interactions.interaction_date) as interaction_date, -- the day of it
    lower(trim(interactions.interaction_type)) as interaction_type, -- what kind
    lower(trim(interactions.channel)) as channel, -- through which channel
    interactions.duration_minutes,          -- how long it took
    trim(interactions.action_taken) as action_taken, -- what was done
    trim(interactions.product) as product,  -- product it was about
    interactions.features,                  -- comma list; see silver.interaction_features
    trim(interactions.outcome) as outcome,  -- how it ended
    trim(interactions.country) as country,  -- where
    trim(interactions.state) as state,      -- where
    trim(interactions.city) as city         -- where
from bronze.interactions
left anti join silver.rejected_interactions
    on interactions.interaction_id = rejected_interactions.interaction_id
left join silver.user_plans
    on interactions.user_id = user_plans.user_id
    and local_date(interactions.interaction_date) >= user_plans.valid_from
    and (
        user_plans.valid_to is null
        or local_date(interactions.interaction_date) < user_plans.valid_to
    )
where interactions._current
