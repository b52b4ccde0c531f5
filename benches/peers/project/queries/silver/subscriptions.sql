-- Subscriptions: a user on a plan from a day to before another.
--
-- grain: subscription_id
-- order_by: user_id, start_date, subscription_id

select
    subscription_id,                        -- the subscription's number
    user_id,                                -- who subscribed
    plan_type as plan,                      -- the plan
    local_date(start_date) as start_date,   -- its first day
    local_date(end_date) as end_date,       -- the day it ended; null while open
    price                                   -- a month's price
from bronze.subscriptions
where _current
