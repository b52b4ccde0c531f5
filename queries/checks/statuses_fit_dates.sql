-- Subscriptions whose flag and dates contradict each other; the dates are believed.
--
-- tags: warn

select
    subscriptions.subscription_status,
    case
        when subscriptions.subscription_status = 'active' then 'ended by as_of'
        else 'live at as_of'
    end as by_their_dates,
    count(*) as subscriptions
from silver.subscriptions
cross join silver.as_of
where
    subscriptions.start_date <= as_of.as_of
    and (subscriptions.subscription_status = 'active')
    = coalesce(subscriptions.end_date <= as_of.as_of, false)
group by subscriptions.subscription_status
order by subscriptions.subscription_status
