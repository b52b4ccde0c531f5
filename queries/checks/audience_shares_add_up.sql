-- Published shares of users or of streamed minutes that do not add up to 1.
--
-- tags: warn

select
    platform,
    segment_kind as kind,
    sum(user_share) as share
from gold.fct_platform_audience
where user_share is not null
group by platform, segment_kind
having abs(sum(user_share) - 1) > 0.005
union all
select
    'all' as platform,
    concat('streaming, ', region, ', ', period) as kind,
    sum(streaming_share) as share
from gold.fct_platform_engagement
where streaming_share is not null
group by region, period
having abs(sum(streaming_share) - 1) > 0.005
