-- Every subscription of a real user, straight from `silver.subscriptions`.
--
-- materialized: view
-- grain: subscription_id

select
    subscription_id,                        -- the subscription's number
    user_id,                                -- who subscribed; see gold.dim_users
    plan,                                   -- the plan's name; see gold.dim_subscription_plans
    price,                                  -- price of a month
    currency,                               -- currency of the price
    subscription_status,                    -- active, cancelled or expired, as the source says
    start_date,                             -- first day it is live
    end_date,                               -- first day it is not; null while open
    is_end_imputed,                         -- the source gave no end
    source                                  -- the file that names it
from silver.subscriptions
