-- How many films and series does each platform's catalogue list?
--
-- Beside them the size of the library that the platform publishes, which is
-- about another time and need not agree.
--
-- param: platform text = null

with

catalogues as (

    select
        platform,
        count(*) as titles,
        count(*) filter (where title_type = 'movie') as movies,
        count(*) filter (where title_type = 'series') as series
    from gold.dim_content
    where lower(platform) = lower(coalesce($platform, platform))
    group by platform

)

select
    catalogues.platform,                    -- see gold.dim_platform
    catalogues.titles,                      -- titles in the catalogue
    catalogues.movies,                      -- of those, films
    catalogues.series,                      -- of those, series
    library.total_content as published_titles, -- in the library, as published
    sum(catalogues.titles) over () as all_titles -- titles of the catalogues listed
from catalogues
left join gold.fct_platform_content as library
    on catalogues.platform = library.platform
    and library.region = 'World'
    and library.period = 'undated'
order by catalogues.titles desc, catalogues.platform
