-- Recurring revenue by user and month
select month, user_id, mrr, subscriptions
from gold.mrr
