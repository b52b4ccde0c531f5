-- Periods in which subscriptions and advertising do not make the published total.
--
-- tags: warn

select
    platform,
    region,
    period,
    subscription_revenue,
    ad_revenue,
    reported_revenue
from gold.fct_platform_revenue
where subscription_revenue + ad_revenue <> reported_revenue
order by platform, region, period
