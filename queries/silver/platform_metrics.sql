-- Every published figure about a streaming platform, one a row.
--
-- The platform is the folder of the file or, in a country's overview, the app
-- of the row; `All platforms` is the country's total. Money is in US dollars
-- and counts are whole numbers, not millions. Figures without a date have the
-- grain `undated`: they describe the time of publication.
--
-- grain: metric, platform, region, period_grain, period, segment
-- not_null: value, unit
-- accepted: period_grain in (year, half, quarter, undated)
-- check: (period_grain = 'undated') = (period_start is null)
-- check: unit <> 'share' or value between 0 and 1
-- check: segment = 'all' or metric in ('game_hours_watched', 'user_share')
-- check: unit <> 'USD' or period_grain <> 'undated'

with

measured as (

    select
        folder,
        file,
        label,
        unnest([
            'reported_revenue', 'ad_revenue', 'subscription_revenue', 'profit', 'valuation',
            'content_spend', 'subscribers', 'live_tv_subscribers', 'premium_subscribers',
            'users', 'app_users', 'concurrent_viewers', 'hours_watched', 'active_channels',
            'game_hours_watched', 'streaming_share', 'user_share', 'movies', 'tv_shows',
            'by region', 'by region', 'by region', 'by region'
        ]) as measure,
        unnest([
            null, null, null, null, null, null, null, null, null, null, null, null, null, null,
            null, null, null, null, null,
            'US & Canada', 'EMEA', 'Latin America', 'Asia-Pacific'
        ]) as region,
        unnest([
            cast(revenue as decimal(24,6)), ad_revenue, subscription_revenue, profit, valuation,
            content_spend, subscribers, live_tv_subscribers, premium_subscribers,
            users, app_usage, concurrent_viewers, hours_watched, active_channels,
            all_time_viewers, percentage_of_streaming, percentage_of_users, movies, tv_shows,
            us_canada, emea, latin_america, asia_pacific
        ]) as value
    from bronze.platform_metrics
    where _current

),

named as (

    select
        folder,
        file,
        label,
        case
            when measure <> 'by region' then coalesce(overviews.metric, measure)
            when file = 'RevenueByRegion' then 'reported_revenue'
            when file = 'NumSubscribersByRegion' then 'subscribers'
        end as metric,
        coalesce(
            region,
            regexp_match(folder, '^(.*) Video Streaming Apps Overview$')[1],
            'World'
        ) as region,
        cast(
            value * case
                when measure <> 'by region' then 1
                when file = 'RevenueByRegion' then 1000000000
                else 1000000
            end as decimal(24,6)
        ) as value,
        regexp_like(label, '^([QH][1-4] )?[0-9]{4}$') as has_period
    from measured
    left join (
        -- Files whose name says what their column does not.
        values ('AdRevenue', 'reported_revenue', 'ad_revenue')
    ) as overviews (named_file, column_name, metric)
        on measured.file = overviews.named_file
        and measured.measure = overviews.column_name
    where value is not null

),

placed as (

    select
        file,
        metric,
        region,
        value,
        case when has_period then label end as period,
        case
            when folder not in ('platform_metrics') and folder not like '% Overview' then folder
            when has_period then 'All platforms'
            else label
        end as platform,
        case
            when not has_period and folder not in ('platform_metrics') and folder not like '% Overview'
                then label
        end as segment
    from named

)

select
    coalesce(platform_aliases.platform, placed.platform) as platform, -- the platform's one name; see silver.platform_aliases
    placed.metric,                          -- what is measured
    placed.region,                          -- a country, a world region or World
    coalesce(placed.period, 'undated') as period, -- as published: 2020, Q1 2020, H1 2019
    cast(
        case
            when placed.period is null then null
            when placed.period like 'Q%' then concat(
                split_part(placed.period, ' ', 2), '-',
                lpad(cast(3 * cast(substr(placed.period, 2, 1) as integer) - 2 as text), 2, '0'), '-01'
            )
            when placed.period like 'H%' then concat(
                split_part(placed.period, ' ', 2), '-',
                lpad(cast(6 * cast(substr(placed.period, 2, 1) as integer) - 5 as text), 2, '0'), '-01'
            )
            else concat(placed.period, '-01-01')
        end as date
    ) as period_start,                      -- first day of the period; null where undated
    case
        when placed.period like 'Q%' then 'quarter'
        when placed.period like 'H%' then 'half'
        when placed.period is not null then 'year'
        else 'undated'
    end as period_grain,                    -- year, half, quarter or undated
    coalesce(placed.segment, 'all') as segment, -- a game or a group of users; otherwise all
    placed.value,                           -- the figure, in its unit
    case
        when placed.metric like '%revenue' or placed.metric in ('profit', 'valuation', 'content_spend')
            then 'USD'
        when placed.metric like '%subscribers' then 'subscribers'
        when placed.metric like '%users' then 'users'
        when placed.metric like '%hours_watched' then 'hours'
        when placed.metric like '%share' then 'share'
        when placed.metric in ('movies', 'tv_shows') then 'titles'
        when placed.metric = 'concurrent_viewers' then 'viewers'
        when placed.metric = 'active_channels' then 'channels'
    end as unit,                            -- USD, subscribers, users, viewers, channels, hours, titles or share
    placed.file                             -- the file it stands in
from placed
left join silver.platform_aliases on placed.platform = platform_aliases.alias
