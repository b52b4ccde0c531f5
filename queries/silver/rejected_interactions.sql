-- Interactions that count nowhere, each with its reason.
--
-- grain: interaction_id
-- accepted: reason in (unknown user, before registration)

select
    interactions.interaction_id,            -- the interaction's id
    interactions.user_id,                   -- who interacted
    interactions.interaction_date as interacted_at, -- when
    users.joined_at,                        -- when the user registered
    case
        when users.user_id is null then 'unknown user'
        else 'before registration'
    end as reason                           -- why it counts nowhere
from bronze.interactions
left join silver.users on interactions.user_id = users.user_id
where
    interactions._current
    and (
        users.user_id is null
        or local_date(interactions.interaction_date) < users.join_date
    )
