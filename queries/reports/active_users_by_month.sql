-- How many users watched in each month, and how often?
--
-- The latest months, the newest last. A partial month was not over at as_of.
--
-- tags: demo
-- param: months bigint = 24

with

latest as (

    select *
    from gold.active_users_monthly
    order by month desc
    limit $months

)

select
    month,                                  -- first day of the month
    is_partial,                             -- not over at as_of
    mau,                                    -- different users
    mau_28d,                                -- different users in its last 28 days
    new_viewers,                            -- users who watched for the first time
    avg_dau,                                -- users a day, on average
    stickiness,                             -- avg_dau over mau
    sessions,                               -- sessions in the month
    watch_minutes,                          -- minutes watched
    avg_session_minutes,                    -- minutes a session lasted
    completion_rate                         -- completed over sessions of known length
from latest
order by month
