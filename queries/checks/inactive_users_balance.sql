-- Inactive users are as many in `gold.inactivity` as in `gold.user_churn_risk`.

with

listed as (

    select
        count(*) filter (where risk = 'inactive') as inactive_users,
        count(*) filter (where risk = 'inactive' and is_subscribed) as inactive_accounts,
        count(*) filter (where is_subscribed) as accounts_live
    from gold.user_churn_risk

)

select
    inactivity.inactive_users,
    listed.inactive_users as inactive_users_listed,
    inactivity.inactive_accounts,
    listed.inactive_accounts as inactive_accounts_listed
from gold.inactivity
cross join listed
where
    inactivity.inactive_users <> listed.inactive_users
    or (listed.accounts_live > 0 and inactivity.inactive_accounts <> listed.inactive_accounts)
