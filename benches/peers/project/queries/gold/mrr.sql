-- Recurring revenue by user and month.
--
-- order_by: month, user_id
-- grain: month, user_id

with

months as (

    select cast(unnest(generate_series(
        date '2024-01-01', date '2025-12-01', interval '1' month
    )) as date) as month

)

select
    months.month,                           -- first day of the month
    subscriptions.user_id,                  -- the user
    sum(subscriptions.price) as mrr,        -- prices of the subscriptions that live in it
    count(*) as subscriptions               -- how many there are
from months
inner join silver.subscriptions
    on subscriptions.start_date < months.month + interval '1' month
    and (subscriptions.end_date is null or subscriptions.end_date > months.month)
group by months.month, subscriptions.user_id
