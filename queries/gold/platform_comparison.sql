-- The platforms side by side, year by year, over the world.
--
-- A column is null where no figure of that kind is published for the year. The
-- size of a library has no date: it describes the time of publication, so
-- `reported_revenue_per_title` divides the revenue of a year by the titles of
-- another time, and only the latest years come near to meaning something.
--
-- grain: platform, year
-- references: platform -> gold.dim_platform.platform

with

years as (

    select
        yearly.platform,
        yearly.year,
        max(yearly.value) filter (where yearly.metric = 'reported_revenue') as reported_revenue,
        max(yearly.period_grain) filter (where yearly.metric = 'reported_revenue') as revenue_made_of,
        max(yearly.value) filter (where yearly.metric = 'profit') as profit,
        max(yearly.value) filter (where yearly.metric = 'content_spend') as content_spend,
        max(yearly.value) filter (where yearly.metric = 'subscribers') as subscribers,
        max(yearly.value) filter (where yearly.metric = 'users') as users,
        max(yearly.value) filter (where yearly.metric = 'hours_watched') as hours_watched
    from gold.platform_metrics_yearly as yearly
    inner join gold.dim_platform on yearly.platform = dim_platform.platform
    where yearly.region = 'World' and dim_platform.is_platform
    group by yearly.platform, yearly.year

),

libraries as (

    select
        platform,
        max(total_content) as total_content
    from gold.fct_platform_content
    where region = 'World' and period = 'undated'
    group by platform

)

select
    years.platform,                         -- see gold.dim_platform
    years.year,                             -- calendar year
    cast(years.reported_revenue as decimal(18,2)) as reported_revenue, -- revenue in US dollars
    years.revenue_made_of,                  -- year, or the half or quarter it is added up from
    growth.yoy_growth_rate as reported_revenue_yoy_growth_rate, -- over the year before
    cast(years.profit as decimal(18,2)) as profit, -- profit in US dollars
    cast(years.profit as double)
    / cast(nullif(years.reported_revenue, 0) as double) as profit_margin_rate, -- profit over revenue
    cast(years.content_spend as decimal(18,2)) as content_spend, -- spent on content, in US dollars
    cast(years.subscribers as bigint) as subscribers, -- people who subscribe
    cast(years.users as bigint) as users,   -- people who use it
    cast(years.hours_watched as bigint) as hours_watched, -- hours watched
    cast(years.reported_revenue as double)
    / cast(nullif(years.subscribers, 0) as double) as reported_revenue_per_subscriber, -- in US dollars
    libraries.total_content,                -- titles in the library, at the time of publication
    cast(years.reported_revenue as double)
    / nullif(libraries.total_content, 0) as reported_revenue_per_title -- the year's revenue over those titles
from years
left join libraries on years.platform = libraries.platform
left join gold.platform_growth_yearly as growth
    on years.platform = growth.platform
    and years.year = growth.year
    and growth.metric = 'reported_revenue'
    and growth.region = 'World'
