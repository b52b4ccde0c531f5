with viewing as (
    select m.user_id, m.month, cast(date_trunc('month', u.join_date) as date) as cohort
    from {{ ref("user_monthly") }} as m
    inner join {{ ref("stg_users") }} as u on m.user_id = u.user_id
)
select cohort,
    cast((extract(year from month) - extract(year from cohort)) * 12 + extract(month from month)
        - extract(month from cohort) as int) as months_since_joining,
    count(*) as active_users
from viewing
group by cohort, month
