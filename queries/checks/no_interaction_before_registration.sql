-- Interactions that count although they are dated before their user registered.

select
    interactions.interaction_id,
    interactions.user_id,
    interactions.interaction_date,
    users.join_date
from silver.interactions
inner join silver.users on interactions.user_id = users.user_id
where interactions.interaction_date < users.join_date
