-- Every interaction as a fact of the star, keyed by its day.
--
-- Interactions after `silver.as_of` are here too; the marts leave them out.
--
-- materialized: view
-- grain: interaction_id

select
    month,                                  -- first day of the month
    interaction_id,                         -- the interaction's id
    user_id,                                -- see gold.dim_users
    plan,                                   -- the plan the user was on; null without one; see gold.dim_subscription_plans
    interaction_date as date_key,           -- see gold.dim_date; the day it happened
    interacted_at,                          -- when it happened
    interaction_type,                       -- what kind
    channel,                                -- through which channel
    duration_minutes,                       -- how long it took
    action_taken,                           -- what was done
    product,                                -- product it was about
    features,                               -- comma list; see silver.interaction_features
    outcome,                                -- how it ended
    country,                                -- where
    state,                                  -- where
    city                                    -- where
from silver.interactions
