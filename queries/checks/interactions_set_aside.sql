-- Interactions that count nowhere, by reason.
--
-- tags: warn

select
    reason,
    count(*) as interactions,
    min(interaction_id) as first_interaction_id
from silver.rejected_interactions
group by reason
order by reason
