-- Which streaming apps are used the most in each country?
--
-- Subscribers stand beside where they are published; they are counted
-- differently and may exceed the app's users.
--
-- param: country text = null
-- param: limit bigint = 10

with

ranked as (

    select
        usage.region,
        usage.platform,
        usage.app_users,
        rank() over (partition by usage.region order by usage.app_users desc) as place
    from gold.fct_platform_engagement as usage
    inner join gold.dim_geography on usage.region = dim_geography.region
    where
        usage.app_users is not null
        and usage.period = 'undated'
        and (
            $country is null
            or lower($country) in (lower(usage.region), lower(dim_geography.country))
        )

)

select
    ranked.region as country,               -- see gold.dim_geography
    ranked.place,                           -- 1 is used the most
    ranked.platform,                        -- see gold.dim_platform
    ranked.app_users,                       -- users of the app
    subscribed.subscribers                  -- people who subscribe, where published
from ranked
left join gold.fct_platform_subscribers as subscribed
    on ranked.platform = subscribed.platform
    and ranked.region = subscribed.region
    and subscribed.period = 'undated'
    and subscribed.subscriber_type = 'all'
where ranked.place <= $limit
order by ranked.region, ranked.place, ranked.platform
