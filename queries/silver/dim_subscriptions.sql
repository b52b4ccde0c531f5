-- Every plan with its price, under the names of the normalised WoWCinema schema.
--
-- The discount is the plan file's or, where it names none, 15, 30 and 45 percent
-- for plans 1, 2 and 3. No figure applies it.
--
-- materialized: view
-- grain: subscription_plan
-- check: discount_procentual between 0 and 100

select
    plan_id as id_subscription,             -- the plan's number; null where no file gives one
    plan as subscription_plan,              -- the plan's name
    price as subscription_price,            -- list price of a month
    currency as currency_code,              -- currency of the price
    case
        when discount_rate > 0 then cast(discount_rate * 100 as decimal(5,2))
        when plan_id = 1 then 15
        when plan_id = 2 then 30
        when plan_id = 3 then 45
        else 0
    end as discount_procentual              -- discount on the list price, in percent
from silver.plans
