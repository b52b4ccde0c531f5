-- How do the platforms compare in one year?
--
-- Without a year: the latest that most platforms report revenue for. The size of
-- a library has no date, so revenue per title mixes times.
--
-- param: year bigint = null

with

reporting as (

    select
        year,
        count(reported_revenue) as platforms
    from gold.platform_comparison
    group by year

),

chosen as (

    select coalesce($year, first_value(year order by platforms desc, year desc)) as year
    from reporting

)

select
    platform_comparison.year,               -- calendar year
    platform_comparison.platform,           -- see gold.dim_platform
    platform_comparison.reported_revenue,   -- US dollars
    platform_comparison.revenue_made_of,    -- year, or the quarters or halves it is added up from
    platform_comparison.reported_revenue_yoy_growth_rate, -- over the year before
    platform_comparison.profit,             -- US dollars
    platform_comparison.profit_margin_rate, -- profit over revenue
    platform_comparison.subscribers,        -- people who subscribe
    platform_comparison.users,              -- people who use it
    platform_comparison.total_content,      -- titles, at the time of publication
    platform_comparison.reported_revenue_per_title, -- the year's revenue over those titles
    sum(platform_comparison.reported_revenue) over () as total_reported_revenue, -- of the platforms listed
    sum(platform_comparison.subscribers) over () as total_subscribers -- of the platforms listed
from gold.platform_comparison
inner join chosen on platform_comparison.year = chosen.year
order by platform_comparison.reported_revenue desc nulls last, platform_comparison.platform
