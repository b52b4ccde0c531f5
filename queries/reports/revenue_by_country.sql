-- How much is spent on streaming video in each country, year by year?
--
-- param: country text = null

select
    growth.region as country,               -- see gold.dim_geography
    growth.year,                            -- calendar year
    cast(growth.value as decimal(18,2)) as reported_revenue, -- US dollars, all platforms together
    growth.yoy_growth_rate                  -- over the year before
from gold.platform_growth_yearly as growth
inner join gold.dim_geography on growth.region = dim_geography.region
where
    growth.metric = 'reported_revenue'
    and growth.platform = 'All platforms'
    and dim_geography.level = 'country'
    and (
        $country is null
        or lower($country) in (lower(growth.region), lower(dim_geography.country))
    )
order by growth.region, growth.year
