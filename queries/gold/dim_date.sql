-- Every day that anything can fall on, with its names.
--
-- Whole years, from that of the first event to that of the last: sessions,
-- payments, ratings, interactions, users' joining, starts of subscriptions.
-- So each day of a fact has its row here. A week begins on Sunday.
--
-- grain: date_key
-- check: day_of_week between 1 and 7
-- check: month_start <= date_key

with

bounds as (

    select
        min(session_date) as first_date,
        max(session_date) as last_date
    from silver.watch_sessions
    union all
    select
        min(payment_date) as first_date,
        max(payment_date) as last_date
    from silver.payments
    union all
    select
        min(rating_date) as first_date,
        max(rating_date) as last_date
    from silver.ratings
    union all
    select
        min(interaction_date) as first_date,
        max(interaction_date) as last_date
    from silver.interactions
    union all
    select
        min(join_date) as first_date,
        max(join_date) as last_date
    from silver.users
    union all
    select
        min(start_date) as first_date,
        max(start_date) as last_date
    from silver.subscriptions

),

span as (

    select
        cast(date_trunc('year', min(first_date)) as date) as first_day,
        cast(date_trunc('year', max(last_date)) + interval '1 year' - interval '1 day' as date) as last_day
    from bounds
    having min(first_date) is not null

),

days as (

    select unnest(generate_series(first_day, last_day, interval '1 day')) as date_key
    from span

)

select
    date_key,                               -- the day
    extract(dow from date_key) + 1 as day_of_week, -- 1 is Sunday, 7 is Saturday
    extract(dow from date_key) in (0, 6) as is_weekend, -- Saturday or Sunday
    extract(month from date_key) as month,  -- 1 to 12
    to_char(date_key, '%b') as month_name,  -- Jan to Dec
    extract(quarter from date_key) as quarter, -- 1 to 4
    extract(year from date_key) as year,    -- calendar year
    cast(date_trunc('month', date_key) as date) as month_start -- first day of the month
from days
