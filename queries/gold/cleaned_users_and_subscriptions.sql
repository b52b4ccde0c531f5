-- Every user with the latest plan and its price.
--
-- Users without a plan have nulls there. Bank accounts stay in bronze.
--
-- materialized: view
-- grain: id_user

select
    dim_users.id_user,                      -- the user's number
    dim_users.first_name,                   -- first name
    dim_users.last_name,                    -- last name
    dim_users.birth_date,                   -- date of birth
    dim_users.id_plan,                      -- number of the latest plan
    dim_users.subscription_start_date,      -- first day on it
    dim_users.subscription_plan,            -- its name
    dim_subscriptions.subscription_price,   -- its list price of a month
    dim_subscriptions.currency_code,        -- currency of the price
    dim_subscriptions.discount_procentual   -- its discount in percent; no figure applies it
from silver.dim_users
left join silver.dim_subscriptions
    on dim_users.subscription_plan = dim_subscriptions.subscription_plan
