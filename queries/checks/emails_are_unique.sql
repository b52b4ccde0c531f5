-- E-mail addresses that several users have.

select
    email,
    count(*) as users,
    min(user_id) as one_user_id,
    max(user_id) as another_user_id
from silver.users
where email is not null
group by email
having count(*) > 1
order by email
