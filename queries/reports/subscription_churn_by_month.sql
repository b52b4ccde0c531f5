-- How many subscribers did each month win and lose?
--
-- param: since date = null

select
    to_char(month, '%Y-%m') as month,       -- the month
    is_partial,                             -- not over at as_of
    users_at_start,                         -- users live at the end of the month before
    new_users,                              -- live now, never subscribed before
    returned_users,                         -- live now, subscribed once, not live before
    churned_users,                          -- live before, not live now
    users_at_end,                           -- users live at the month's end
    subscription_churn_rate,                -- churned over live at start, 0 to 1
    net_subscription_churn_rate,            -- the same less those back within 12 months
    subscription_churn_rate_by_subscription -- the same over subscriptions, where a change of plan is an end
from gold.subscription_churn_monthly
where $since is null or month >= cast($since as date)
order by month
