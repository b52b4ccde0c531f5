-- How many of those who paid in one month did not pay in the next.
--
-- A payer is a user with a completed payment in the month. Of the payers of the
-- month before, those without one in the month have lapsed. New payers are told
-- from the whole history: their first completed payment of all is in the month.
-- There is a row for every month from the first payment of anybody to the last,
-- failed ones included; after that nobody is known to have paid or not. So a
-- month that the payments stop in the middle of shows more lapsed than there
-- are. A month that is not over at `silver.as_of` is partial.
--
-- grain: month
-- varies: payment_lapse_rate over month
-- check: lapsed <= payers_before
-- check: new_payers <= payers
-- check: payers = payers_before - lapsed + new_payers + returned_payers
-- check: payment_lapse_rate is null or payment_lapse_rate between 0 and 1

with

span as (

    select
        min(month) as first_month,
        max(month) as last_month
    from silver.payments

),

months as (

    select unnest(generate_series(first_month, last_month, interval '1 month')) as month
    from span

),

paid as (

    select
        user_id,
        month
    from silver.payments
    where is_successful
    group by user_id, month

),

payer_months as (

    select
        user_id,
        month,
        lag(month) over (partition by user_id order by month) as previous_month,
        lead(month) over (partition by user_id order by month) as next_month
    from paid

),

counted as (

    select
        month,
        count(*) as payers,
        count(*) filter (where previous_month is null) as new_payers,
        count(*) filter (
            where previous_month < cast(month - interval '1 month' as date)
        ) as returned_payers,
        count(*) filter (
            where next_month is null or next_month > cast(month + interval '1 month' as date)
        ) as lapsed_next
    from payer_months
    group by month

)

select
    months.month,                           -- first day of the month
    cast(months.month + interval '1 month' - interval '1 day' as date)
    > as_of.as_of as is_partial,            -- the month was not over at as_of
    coalesce(before.payers, 0) as payers_before, -- users who paid in the month before
    coalesce(counted.new_payers, 0) as new_payers, -- users who paid in the month for the first time ever
    coalesce(counted.returned_payers, 0) as returned_payers, -- users who paid again, but not in the month before
    coalesce(before.lapsed_next, 0) as lapsed, -- paid in the month before, not in this one
    coalesce(counted.payers, 0) as payers,  -- users who paid in the month
    cast(before.lapsed_next as double)
    / nullif(before.payers, 0) as payment_lapse_rate -- lapsed over payers of the month before; null without any
from months
cross join silver.as_of
left join counted on months.month = counted.month
left join counted as before on months.month = cast(before.month + interval '1 month' as date)
