-- How many of those who joined in a month watched how many months later.
--
-- grain: cohort, months_since_joining

with

viewing as (

    select
        user_monthly.user_id,
        user_monthly.month,
        cast(date_trunc('month', users.join_date) as date) as cohort
    from gold.user_monthly
    inner join silver.users on user_monthly.user_id = users.user_id

)

select
    cohort,                                 -- first day of the month of joining
    cast(
        (extract(year from month) - extract(year from cohort)) * 12
        + extract(month from month) - extract(month from cohort) as int
    ) as months_since_joining,              -- 0 is that month
    count(*) as active_users                -- users with a session
from viewing
group by cohort, month
