-- How much of its revenue does a platform spend on content?
--
-- param: platform text = null

select
    platform,                               -- see gold.dim_platform
    year,                                   -- calendar year
    content_spend,                          -- US dollars spent on content
    reported_revenue,                       -- US dollars; empty where not published
    content_spend_ratio,                    -- spend over revenue
    revenue_per_spend                       -- revenue a dollar spent
from gold.content_spend_against_revenue
where lower(platform) = lower(coalesce($platform, platform))
order by platform, year
