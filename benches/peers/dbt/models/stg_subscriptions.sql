select subscription_id, user_id, plan_type as plan, cast(start_date as date) as start_date,
    cast(end_date as date) as end_date, price
from read_csv('{{ var("landing") }}/subscriptions*.csv')
