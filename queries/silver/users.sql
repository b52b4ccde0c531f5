-- Every real user, once.
--
-- The newest row of a user counts. Viewers that are known from the rows of
-- `bronze.wowcinema_data` only get a number made from their user name. Test
-- accounts (marketing channel `Test`) are left out, with everything that
-- belongs to them: `silver.test_users` lists them. Bank accounts stay in bronze.
--
-- grain: user_id
-- not_null: joined_at (warn)
-- check: email is null or email = lower(trim(email))

with

logged as (

    select
        stable_id(username) as user_id,
        username,
        first_name,
        last_name,
        birth_date,
        subscription_start_date,
        subscription_status,
        row_number() over (
            partition by username
            order by watch_start_time desc, log_id
        ) as place
    from bronze.wowcinema_data
    where _current

),

listed as (

    select
        user_id,
        cast(null as text) as username,
        coalesce(name, concat_ws(' ', trim(first_name), trim(last_name))) as name,
        trim(first_name) as first_name,
        trim(last_name) as last_name,
        trim(company_name) as company_name,
        lower(trim(email)) as email,
        birth_date,
        trim(country) as country,
        trim(state) as state,
        initcap(trim(city)) as city,
        trim(marketing_channel) as marketing_channel,
        coalesce(join_date, created_at, subscription_start_date) as joined_at,
        lower(trim(subscription_status)) as account_status
    from bronze.users
    where
        _current
        and user_id not in (select user_id from silver.test_users)
    union all
    select
        user_id,
        username,
        concat_ws(' ', trim(first_name), trim(last_name)) as name,
        trim(first_name) as first_name,
        trim(last_name) as last_name,
        null as company_name,
        null as email,
        birth_date,
        null as country,
        null as state,
        null as city,
        null as marketing_channel,
        subscription_start_date as joined_at,
        case subscription_status when '1' then 'active' when '0' then 'inactive' end as account_status
    from logged
    where place = 1

)

select
    user_id,                                -- the user's number
    username,                               -- the name that rows of bronze.wowcinema_data give
    initcap(trim(nullif(name, ''))) as name, -- full name
    first_name,                             -- first name, where the source splits names
    last_name,                              -- last name, where the source splits names
    company_name,                           -- company, where customers are companies
    email,                                  -- e-mail address
    local_date(birth_date) as birth_date,   -- date of birth
    country,                                -- country, as the source spells it
    state,                                  -- state or region
    city,                                   -- city
    marketing_channel,                      -- where the user came from
    joined_at,                              -- when the user registered, or subscribed first where that is not known
    local_date(joined_at) as join_date,     -- the day of it
    local_month(joined_at) as join_month,   -- first day of its month
    account_status                          -- the source's own flag
from listed
