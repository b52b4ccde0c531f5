-- Registered users.
--
-- grain: user_id

select
    user_id,                                -- the user's number
    country,                                -- where the user lives
    city,                                   -- where the user lives
    local_date(join_date) as join_date      -- the day of registering
from bronze.users
where _current
