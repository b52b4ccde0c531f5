-- How many users watched on each day?
--
-- From one day to another, both included; of the latest 30 days where neither is
-- given.
--
-- param: from date = null
-- param: to date = null

with

span as (

    select
        coalesce(cast($from as date), coalesce(cast($to as date), max(day)) - 29) as first_day,
        coalesce(cast($to as date), max(day)) as last_day
    from gold.active_users_daily

)

select
    active_users_daily.day,                 -- the day
    active_users_daily.dau,                 -- different users
    active_users_daily.sessions,            -- sessions that began on the day
    active_users_daily.watch_minutes        -- minutes watched
from gold.active_users_daily
cross join span
where active_users_daily.day between span.first_day and span.last_day
order by active_users_daily.day
