-- Retention of the users who joined in a month
select cohort, cast((extract(year from month) - extract(year from cohort)) * 12 + extract(month from month) - extract(month from cohort) as int) as months_since_joining,
    count(distinct user_id) as active_users
from (
    select watch_sessions.user_id, watch_sessions.month, {month:join_date} as cohort
    from watch_sessions
    inner join users on watch_sessions.user_id = users.user_id
) as viewing
group by cohort, month
