-- Each kind of segment holds every user once, inactive ones likewise.

with

kinds as (

    select
        segment_kind,
        sum(users) as users,
        sum(inactive_users) as inactive_users
    from gold.inactivity_by_segment
    group by segment_kind

),

listed as (

    select
        count(*) as users,
        count(*) filter (where risk = 'inactive') as inactive_users
    from gold.user_churn_risk

)

select
    kinds.segment_kind,
    kinds.users as users_in_segments,
    listed.users,
    kinds.inactive_users as inactive_users_in_segments,
    listed.inactive_users
from kinds
cross join listed
where kinds.users <> listed.users or kinds.inactive_users <> listed.inactive_users
