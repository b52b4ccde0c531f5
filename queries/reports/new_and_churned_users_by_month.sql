-- How many users did each month bring, and how many stopped watching in it?
--
-- The latest months, `months` of them. A partial month is looked at on as_of.
--
-- param: months bigint = 12

with

numbered as (

    select
        month,
        is_partial,
        new_users,
        activated_users,
        churned_users,
        active_users_at_start,
        active_users_at_end,
        inactivity_rate,
        row_number() over (order by month desc) as place
    from gold.new_and_churned_users_monthly

)

select
    month,                                  -- first day of the month
    is_partial,                             -- not over at as_of
    new_users,                              -- users whose first subscription began in the month
    churned_users,                          -- users with a session in the 30 days before it and none in its last 30 days
    activated_users,                        -- users with a session in its last 30 days and none in the 30 days before it
    active_users_at_start,                  -- users at risk
    active_users_at_end,                    -- at start, plus activated, minus churned
    inactivity_rate                         -- churned over at risk, 0 to 1
from numbered
where place <= $months
order by month
