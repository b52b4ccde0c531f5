-- The date that stands for today: that of the latest event in the data.
--
-- One row. `refresh --as-of DATE` sets another date. Ends of subscriptions are
-- plans for the future, not events, and do not count.
--
-- grain: as_of

with

events as (

    select local_date(max(coalesce(join_date, subscription_start_date, created_at))) as happened_on
    from bronze.users
    union all
    select local_date(max(start_date)) as happened_on
    from bronze.subscriptions
    union all
    select local_date(max(payment_date)) as happened_on
    from bronze.payments
    union all
    select local_date(max(rating_date)) as happened_on
    from bronze.ratings
    union all
    select local_date(max(start_time)) as happened_on
    from bronze.watch_sessions
    union all
    select local_date(max(start_time)) as happened_on
    from bronze.watch_logs
    union all
    select local_date(greatest(max(watch_start_time), max(subscription_start_date))) as happened_on
    from bronze.wowcinema_data
    union all
    select local_date(max(interaction_date)) as happened_on
    from bronze.interactions

)

select
    max(happened_on) as as_of               -- the date that stands for today
from events
having max(happened_on) is not null
