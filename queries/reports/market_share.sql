-- Which share does each platform have, among those that report the same year?
--
-- Without a year: the latest that at least two platforms report. `platforms`
-- narrows the market to a comma list, such as `Netflix, Hulu`.
--
-- param: metric text = 'subscribers'
-- param: year bigint = null
-- param: platforms text = null

with

chosen as (

    select
        platform,
        year,
        value,
        sum(value) over (partition by year) as total_value,
        count(*) over (partition by year) as reporting
    from gold.market_share
    where
        metric = $metric
        and (
            $platforms is null
            or array_has(
                string_to_array(replace(lower($platforms), ', ', ','), ','), lower(platform)
            )
        )

),

latest as (

    select coalesce($year, max(year)) as year
    from chosen
    where reporting > 1

)

select
    chosen.year,                            -- calendar year of both sides
    chosen.platform,                        -- see gold.dim_platform
    chosen.value,                           -- the platform's figure
    chosen.total_value,                     -- of all that report
    cast(chosen.value as double) / cast(chosen.total_value as double) as market_share -- the platform's part
from chosen
inner join latest on chosen.year = latest.year
where chosen.reporting > 1
order by chosen.value desc, chosen.platform
