-- Which platforms grow faster than the target, and does Netflix hold its share?
--
-- Growth of revenue over the year before, and the share of the subscribers of
-- Netflix and Hulu, both in one year. Without a year: the latest with a share.
--
-- param: year bigint = null
-- param: min_growth_rate double = 0.25
-- param: min_share double = 0.6

with

chosen as (

    select coalesce($year, max(year)) as year
    from gold.market_share
    where metric = 'subscribers'

),

two as (

    select
        platform,
        year,
        cast(value as double) / cast(sum(value) over (partition by year) as double) as share,
        count(*) over (partition by year) as platforms
    from gold.market_share
    where metric = 'subscribers' and platform in ('Netflix', 'Hulu')

)

select
    growth.year,                            -- calendar year
    growth.platform,                        -- see gold.dim_platform
    'revenue growth rate' as target,        -- what is aimed at
    $min_growth_rate as at_least,           -- the target
    growth.yoy_growth_rate as value,        -- what the figures say
    growth.yoy_growth_rate >= $min_growth_rate as is_met -- the target is reached
from gold.platform_growth_yearly as growth
inner join chosen on growth.year = chosen.year
inner join gold.dim_platform on growth.platform = dim_platform.platform
where
    growth.metric = 'reported_revenue'
    and growth.region = 'World'
    and growth.yoy_growth_rate is not null
    and dim_platform.is_platform
union all
select
    two.year,
    two.platform,
    'share of Netflix and Hulu' as target,
    $min_share as at_least,
    two.share as value,
    two.share >= $min_share as is_met
from two
inner join chosen on two.year = chosen.year
where two.platform = 'Netflix' and two.platforms = 2
order by target, platform
