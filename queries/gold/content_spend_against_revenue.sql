-- What a platform spent on content in each year, against that year's revenue.
--
-- This is all that the figures say about the return on content: no revenue is
-- tied to a title. A year whose revenue is not published has no ratio.
--
-- grain: platform, year
-- references: platform -> gold.dim_platform.platform
-- check: content_spend >= 0
-- check: (content_spend_ratio is null) = (reported_revenue is null)

select
    spend.platform,                         -- see gold.dim_platform
    spend.year,                             -- calendar year of both figures
    cast(spend.value as decimal(18,2)) as content_spend, -- spent on content, in US dollars
    cast(revenue.value as decimal(18,2)) as reported_revenue, -- revenue in US dollars
    cast(spend.value as double) / cast(revenue.value as double) as content_spend_ratio, -- spend over revenue
    cast(revenue.value as double)
    / cast(nullif(spend.value, 0) as double) as revenue_per_spend -- revenue a dollar spent
from gold.platform_metrics_yearly as spend
left join gold.platform_metrics_yearly as revenue
    on spend.platform = revenue.platform
    and spend.region = revenue.region
    and spend.year = revenue.year
    and revenue.metric = 'reported_revenue'
    and revenue.value > 0
where spend.metric = 'content_spend' and spend.region = 'World'
