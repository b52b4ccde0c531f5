-- How many of the users who joined in a month watched in which later month.
--
-- A cohort is the users whom `silver.users` has joining in one calendar month.
-- Sessions on days before the one of joining or after `silver.as_of` do not
-- count; a cohort has no row for a month without a session.
--
-- partition_by: month
-- grain: month, cohort_month
-- check: active_users > 0
-- check: cohort_month <= month

select
    user_months.month,                      -- first day of the month watched in
    users.join_month as cohort_month,       -- first day of the month of joining
    count(*) as active_users                -- users of the cohort with a session in the month
from silver.user_months
inner join silver.users
    on user_months.user_id = users.user_id
    and user_months.last_day >= users.join_date
group by user_months.month, users.join_month
