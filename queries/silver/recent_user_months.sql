-- How much each user watched lately: on the days that make a user active.
--
-- These days are those of `silver.recent_months`. A user without a session on
-- them has no row.
--
-- partition_by: month
-- grain: month, user_id
-- check: active_days > 0
-- check: active_days <= sessions

select
    user_days.month,                        -- first day of the month
    user_days.user_id,                      -- who watched
    sum(user_days.sessions) as sessions,    -- sessions that began on these days of the month
    count(*) as active_days,                -- days with a session
    sum(user_days.sum_of_completion_ratios) as sum_of_completion_ratios, -- shares of the titles watched; null without such
    sum(user_days.sessions_of_known_length) as sessions_of_known_length -- of titles whose length is known
from silver.recent_months
inner join silver.user_days on recent_months.month = user_days.month
where user_days.day >= recent_months.active_since and user_days.day <= recent_months.as_of
group by user_days.month, user_days.user_id
