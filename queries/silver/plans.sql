-- Every plan that can be subscribed to, with its price of a month.
--
-- The price is the plan file's. A plan that no file lists has the price of its
-- latest subscription, or, where subscriptions name none, the amount that was
-- paid for it most often; `price_source` says which. A plan that only users or
-- viewing rows name has no price. Prices of different currencies must never be
-- added.
--
-- grain: plan
-- not_null: currency
-- accepted: price_source in (plan list, subscriptions, payments)
-- check: price is null or price >= 0

with

subscribed as (

    select
        trim(plan_type) as plan,
        price,
        row_number() over (
            partition by trim(plan_type)
            order by price is null, start_date desc, subscription_id desc
        ) as place
    from bronze.subscriptions
    where _current

),

paid as (

    select
        trim(subscriptions.plan_type) as plan,
        payments.amount,
        row_number() over (
            partition by trim(subscriptions.plan_type)
            order by count(*) desc, payments.amount
        ) as place
    from bronze.payments
    inner join bronze.subscriptions
        on payments.subscription_id = subscriptions.subscription_id
        and subscriptions._current
    where payments._current and lower(trim(payments.status)) in ('success', 'completed')
    group by trim(subscriptions.plan_type), payments.amount

),

listed as (

    select
        trim(plan) as plan,
        plan_id,
        price,
        upper(trim(currency)) as currency,
        discount
    from bronze.plans
    where _current

),

mentioned as (

    select trim(plan) as plan
    from bronze.users
    where _current and nullif(trim(plan), '') is not null
    union
    select trim(subscription_plan) as plan
    from bronze.wowcinema_data
    where _current and nullif(trim(subscription_plan), '') is not null

),

only_mentioned as (

    select mentioned.plan
    from mentioned
    left anti join listed
        on mentioned.plan = listed.plan
        or mentioned.plan = cast(listed.plan_id as text)

)

select
    coalesce(listed.plan, subscribed.plan, only_mentioned.plan) as plan, -- the plan's name
    listed.plan_id,                         -- the number that the plan file gives
    coalesce(listed.price, subscribed.price, paid.amount) as price, -- price of a month
    coalesce(listed.currency, 'unstated') as currency, -- currency of the price
    coalesce(listed.discount, 0) as discount_rate, -- discount on the list price, 0 to 1; no figure applies it
    case
        when listed.price is not null then 'plan list'
        when subscribed.price is not null then 'subscriptions'
        when paid.amount is not null then 'payments'
    end as price_source                     -- where the price comes from; null where there is none
from listed
full join (select * from subscribed where place = 1) as subscribed
    on listed.plan = subscribed.plan
full join only_mentioned
    on coalesce(listed.plan, subscribed.plan) = only_mentioned.plan
left join paid
    on coalesce(listed.plan, subscribed.plan) = paid.plan
    and paid.place = 1
