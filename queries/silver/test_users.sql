-- Accounts that are no customers: left out everywhere, and listed here.
--
-- grain: user_id

select distinct
    user_id                                 -- the account's number
from bronze.users
where _current and lower(trim(marketing_channel)) = 'test'
