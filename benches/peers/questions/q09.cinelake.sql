-- New, returning and churned users by month, from the set of each month's users
with
months as (
    select month, bitmap_agg(user_id) as users from watch_sessions group by month
),
neighbours as (
    select month, users,
        bitmap_merge(users) over (order by month rows between unbounded preceding and 1 preceding) as earlier,
        case when lag(month) over (order by month) = month - interval '1' month
            then lag(users) over (order by month) end as users_before,
        case when lead(month) over (order by month) = month + interval '1' month
            then lead(users) over (order by month) end as users_after
    from months
)
select month, bitmap_count(users) as active_users,
    bitmap_count(users) - coalesce(bitmap_overlap(users, earlier), 0) as new_users,
    coalesce(bitmap_overlap(users, earlier), 0) - coalesce(bitmap_overlap(users, users_before), 0) as returning_users,
    bitmap_count(users) - coalesce(bitmap_overlap(users, users_after), 0) as churned_users
from neighbours
