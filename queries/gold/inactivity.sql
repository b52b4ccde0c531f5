-- How many users have not watched for more than 30 days.
--
-- One row; none where there are no sessions, because then nothing is known of
-- anybody's activity. A user is inactive when the latest session lies more days
-- before `silver.as_of` than `silver.settings` says, or when there is none: day
-- 30 is active, day 31 is not. This is not churn.
--
-- A live account is one with a live subscription at as_of. Where no subscription
-- is known at all, it is every user. `inactivity_rate_30d` is over live accounts;
-- the columns of all users stand beside it. Users who join after as_of count
-- in neither.
--
-- grain: as_of
-- check: inactive_users <= users
-- check: accounts_live <= users
-- check: inactive_accounts <= least(accounts_live, inactive_users)
-- check: inactivity_rate_30d is null or inactivity_rate_30d between 0 and 1

with

subscribed as (

    select count(*) > 0 as are_known
    from silver.subscriptions

),

judged as (

    select
        user_activity.sessions,
        user_activity.is_active_30d,
        user_activity.is_subscribed or not subscribed.are_known as is_live
    from gold.user_activity
    inner join silver.users on user_activity.user_id = users.user_id
    cross join subscribed
    cross join silver.as_of
    where users.join_date is null or users.join_date <= as_of.as_of

),

counted as (

    select
        count(*) as users,
        count(*) filter (where not is_active_30d) as inactive_users,
        count(*) filter (where is_live) as accounts_live,
        count(*) filter (where is_live and not is_active_30d) as inactive_accounts
    from judged
    having sum(sessions) > 0

)

select
    as_of.as_of,                            -- the date looked at
    settings.active_days,                   -- days since the latest session up to which a user is active
    counted.accounts_live,                  -- users with a live account
    counted.inactive_accounts,              -- of those, inactive
    cast(counted.inactive_accounts as double)
    / nullif(counted.accounts_live, 0) as inactivity_rate_30d, -- their share
    counted.users,                          -- all users who have joined
    counted.inactive_users,                 -- of those, inactive
    cast(counted.inactive_users as double) / counted.users as inactivity_rate_30d_all_users -- their share
from counted
cross join silver.as_of
cross join silver.settings
