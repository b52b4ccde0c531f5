-- Successful payments whose subscription no user owns: money nobody is credited with.

select
    payment_id,
    subscription_id,
    amount
from silver.payments
where is_successful and user_id not in (select user_id from silver.users)
