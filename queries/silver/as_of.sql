-- The date that stands for today: that of the latest event in the data.
--
-- One row. `refresh --as-of DATE` sets another date. Ends of subscriptions are
-- plans for the future, not events, and do not count.
--
-- grain: as_of

with

events as (

    select cast(max(coalesce(join_date, created_at)) as date) as happened_on
    from bronze.users
    union all
    select cast(max(start_date) as date) as happened_on
    from bronze.subscriptions
    union all
    select cast(max(payment_date) as date) as happened_on
    from bronze.payments
    union all
    select cast(max(start_time) as date) as happened_on
    from bronze.watch_sessions

)

select
    max(happened_on) as as_of               -- the date that stands for today
from events
having max(happened_on) is not null
