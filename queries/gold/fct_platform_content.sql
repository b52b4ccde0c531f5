-- How large each platform's library is, and whether it leans to films.
--
-- More than two films a series is Movie-Heavy, less than half a film TV-Heavy,
-- anything else Balanced: exactly two is Balanced. These are the figures that
-- platforms publish; the titles of public catalogues are in `gold.dim_content`.
--
-- grain: platform, region, period
-- references: platform -> gold.dim_platform.platform
-- references: region -> gold.dim_geography.region
-- references: period -> gold.dim_period.period
-- accepted: content_strategy in (Movie-Heavy, TV-Heavy, Balanced)
-- check: total_content is null or total_content = movies + tv_shows

with

libraries as (

    select
        platform,
        region,
        period,
        max(cast(value as bigint)) filter (where metric = 'movies') as movies,
        max(cast(value as bigint)) filter (where metric = 'tv_shows') as tv_shows
    from silver.platform_metrics
    where unit = 'titles'
    group by platform, region, period

)

select
    platform,                               -- see gold.dim_platform
    region,                                 -- see gold.dim_geography
    period,                                 -- see gold.dim_period
    movies,                                 -- films in the library
    tv_shows,                               -- series in the library
    movies + tv_shows as total_content,     -- both
    cast(movies as double) / nullif(tv_shows, 0) as content_ratio, -- films a series; null without series
    case
        when movies > 2 * tv_shows then 'Movie-Heavy'
        when 2 * movies < tv_shows then 'TV-Heavy'
        when movies + tv_shows is not null then 'Balanced'
    end as content_strategy                 -- Movie-Heavy, TV-Heavy or Balanced
from libraries
