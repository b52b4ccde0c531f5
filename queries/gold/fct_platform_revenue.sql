-- What platforms report of their money: revenue and its parts, profit, spend.
--
-- A column is null where no figure of that kind is published for the period.
-- Years, quarters and countries stand in rows of their own and never go into
-- one sum; `gold.platform_metrics_yearly` makes years of whole sets of quarters.
-- Growth is over the period just before, or the same period a year before, of
-- the same grain; it is null where that has no figure.
--
-- grain: platform, region, period
-- references: platform -> gold.dim_platform.platform
-- references: region -> gold.dim_geography.region
-- references: period -> gold.dim_period.period
-- check: reported_revenue is null or reported_revenue >= 0

with

kinds as (

    select
        platform,
        region,
        period,
        max(value) filter (where metric = 'reported_revenue') as reported_revenue,
        max(value) filter (where metric = 'ad_revenue') as ad_revenue,
        max(value) filter (where metric = 'subscription_revenue') as subscription_revenue,
        max(value) filter (where metric = 'profit') as profit,
        max(value) filter (where metric = 'content_spend') as content_spend,
        max(value) filter (where metric = 'valuation') as valuation
    from silver.platform_metrics
    where unit = 'USD'
    group by platform, region, period

),

dated as (

    select
        kinds.*,
        dim_period.period_grain,
        dim_period.period_start,
        dim_period.period_number,
        dim_period.periods_per_year
    from kinds
    inner join gold.dim_period on kinds.period = dim_period.period

)

select
    dated.platform,                         -- see gold.dim_platform
    dated.region,                           -- see gold.dim_geography
    dated.period,                           -- see gold.dim_period
    dated.period_grain,                     -- year, half, quarter or undated
    dated.period_start,                     -- first day of the period
    cast(dated.reported_revenue as decimal(18,2)) as reported_revenue, -- revenue in US dollars
    cast(dated.ad_revenue as decimal(18,2)) as ad_revenue, -- of it, from advertising
    cast(dated.subscription_revenue as decimal(18,2)) as subscription_revenue, -- of it, from subscriptions
    cast(dated.profit as decimal(18,2)) as profit, -- profit in US dollars
    cast(dated.content_spend as decimal(18,2)) as content_spend, -- spent on content, in US dollars
    cast(dated.valuation as decimal(18,2)) as valuation, -- what the platform is worth, in US dollars
    cast(dated.profit as double)
    / nullif(dated.reported_revenue, 0) as profit_margin_rate, -- profit over revenue; negative for a loss
    cast(dated.reported_revenue as double)
    / nullif(before.reported_revenue, 0) - 1 as reported_revenue_growth_rate, -- over the period just before
    cast(dated.reported_revenue as double)
    / nullif(year_before.reported_revenue, 0) - 1 as reported_revenue_yoy_growth_rate -- over the same period a year before
from dated
left join dated as before
    on dated.platform = before.platform
    and dated.region = before.region
    and dated.period_grain = before.period_grain
    and dated.period_number = before.period_number + 1
left join dated as year_before
    on dated.platform = year_before.platform
    and dated.region = year_before.region
    and dated.period_grain = year_before.period_grain
    and dated.period_number = year_before.period_number + year_before.periods_per_year
