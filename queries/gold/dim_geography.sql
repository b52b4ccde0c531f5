-- Every place that a published figure is about, and how large it is.
--
-- Figures of different levels overlap: a country lies in its world region and
-- that in the world. What publishers give for regions need not add up to what
-- they give for the world.
--
-- grain: region
-- accepted: level in (world, world region, country)
-- check: (level = 'world') = (parent_region is null) or level = 'country'

with

known as (

    select
        column1 as region,
        column2 as level,
        column3 as parent_region,
        column4 as country
    from (
        values
        ('World', 'world', null, null),
        ('US & Canada', 'world region', 'World', null),
        ('EMEA', 'world region', 'World', null),
        ('Latin America', 'world region', 'World', null),
        ('Asia-Pacific', 'world region', 'World', null),
        ('China', 'country', 'Asia-Pacific', 'China'),
        ('UK', 'country', 'EMEA', 'United Kingdom'),
        ('USA', 'country', 'US & Canada', 'United States')
    ) as places

),

reported as (

    select distinct region
    from silver.platform_metrics

)

select
    reported.region,                        -- as figures name it
    coalesce(known.level, 'country') as level, -- world, world region or country
    known.parent_region,                    -- the place it lies in, if that is known
    case
        when coalesce(known.level, 'country') = 'country'
            then coalesce(known.country, reported.region)
    end as country                          -- a country as catalogues spell it; see silver.title_countries
from reported
left join known on reported.region = known.region
