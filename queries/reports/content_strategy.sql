-- How large is each platform's library, and does it lean to films?
--
-- More than two films a series is Movie-Heavy, less than half a film TV-Heavy.

select
    platform,                               -- see gold.dim_platform
    movies,                                 -- films
    tv_shows,                               -- series
    total_content,                          -- both
    content_ratio,                          -- films a series
    content_strategy,                       -- Movie-Heavy, TV-Heavy or Balanced
    cast(total_content as double) / sum(total_content) over () as library_share, -- of all titles listed
    avg(cast(total_content as double)) over () as avg_total_content -- titles a platform, of those listed
from gold.fct_platform_content
order by total_content desc, platform
