-- Every real user, once.
--
-- The newest row of a user counts. Test accounts (marketing channel `Test`)
-- are left out, with everything that belongs to them: `silver.test_users`
-- lists them.
--
-- grain: user_id
-- not_null: joined_at
-- check: email is null or email = lower(trim(email))

select
    user_id,                                -- the user's number
    initcap(trim(name)) as name,            -- full name
    lower(trim(email)) as email,            -- e-mail address
    trim(country) as country,               -- country, as the source spells it
    initcap(trim(city)) as city,            -- city
    trim(marketing_channel) as marketing_channel, -- where the user came from
    coalesce(join_date, created_at) as joined_at, -- when the user registered
    cast(coalesce(join_date, created_at) as date) as join_date, -- the day of it
    lower(trim(subscription_status)) as account_status -- the source's own flag
from bronze.users
where
    _current
    and user_id not in (select user_id from silver.test_users)
