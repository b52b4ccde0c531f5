-- Every platform that figures, overviews or catalogues speak of.
--
-- Each has one name, however it is spelled in the files. `All platforms` and
-- `Other` are sums over several, not platforms: `is_platform` is false.
--
-- grain: platform
-- not_null: is_platform
-- check: figures >= 0

with

measured as (

    select
        platform_metrics.platform,
        count(*) as figures,
        min(dim_period.year) as first_year,
        max(dim_period.year) as last_year
    from silver.platform_metrics
    inner join gold.dim_period on platform_metrics.period = dim_period.period
    group by platform_metrics.platform

),

described as (

    select
        coalesce(platform_aliases.platform, platform_metrics.label) as platform,
        -- Blanks that do not break a line are no blanks to trim().
        max(regexp_replace(platform_metrics.overview, '^\s+|\s+$', '', 'g')) as overview
    from bronze.platform_metrics
    left join silver.platform_aliases on platform_metrics.label = platform_aliases.alias
    where platform_metrics._current and platform_metrics.overview is not null
    group by coalesce(platform_aliases.platform, platform_metrics.label)

),

catalogued as (

    select
        platform,
        count(*) as titles
    from gold.dim_content
    group by platform

),

spelled as (

    select
        platform,
        string_agg(alias, ', ' order by alias) as other_spellings
    from silver.platform_aliases
    group by platform

),

named as (

    select platform
    from measured
    union
    select platform
    from described
    union
    select platform
    from catalogued

)

select
    named.platform,                         -- the platform's one name
    named.platform not in ('All platforms', 'Other') as is_platform, -- false for sums over several
    spelled.other_spellings,                -- how else files spell it
    described.overview,                     -- a sentence about it, as published
    coalesce(measured.figures, 0) as figures, -- published figures about it
    measured.first_year,                    -- year of the earliest dated one
    measured.last_year,                     -- year of the latest
    coalesce(catalogued.titles, 0) as catalogue_titles -- titles of its catalogue; see gold.dim_content
from named
left join measured on named.platform = measured.platform
left join described on named.platform = described.platform
left join catalogued on named.platform = catalogued.platform
left join spelled on named.platform = spelled.platform
