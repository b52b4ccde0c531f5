-- How did the revenue of platforms that report quarters develop?
--
-- param: platform text = null

select
    platform,                               -- see gold.dim_platform
    period,                                 -- the quarter
    reported_revenue,                       -- US dollars
    reported_revenue_growth_rate,           -- over the quarter before
    reported_revenue_yoy_growth_rate        -- over the same quarter a year before
from gold.fct_platform_revenue
where
    period_grain = 'quarter'
    and lower(platform) = lower(coalesce($platform, platform))
order by platform, period_start
