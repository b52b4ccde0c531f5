-- Every headline number published about these figures, beside what they say.
--
-- `value` is recomputed from the data; `is_confirmed` compares it with the
-- published number to the last digit that was printed. A number can be confirmed
-- and still mislead: `period` and `remark` say what it is about. Headlines
-- without a published number are the ones to quote instead. One that the data
-- says nothing about has no row. Rates and shares are fractions.
--
-- grain: headline
-- not_null: value, unit, period, remark
-- check: (is_confirmed is null) = (published is null)

with

libraries as (

    select
        platform,
        total_content,
        content_strategy
    from gold.fct_platform_content
    where region = 'World' and period = 'undated'

),

yearly as (

    select
        platform,
        metric,
        year,
        value,
        row_number() over (partition by platform, metric order by year desc) as years_back
    from gold.platform_metrics_yearly
    where region = 'World' and period_grain = 'year'

),

revenue_growth as (

    select
        intervals,
        total_growth_rate,
        cagr,
        mean_growth_rate,
        concat(first_period, ' to ', last_period) as period
    from gold.platform_growth
    where
        platform = 'Netflix'
        and metric = 'reported_revenue'
        and region = 'World'
        and period_grain = 'year'

),

sums as (

    select
        platform,
        sum(value) as revenue,
        concat(cast(min(year) as text), ' to ', cast(max(year) as text)) as period
    from yearly
    where metric = 'reported_revenue' and platform in ('Netflix', 'Hulu')
    group by platform

),

-- The latest year of each: what was published, though the years differ.
latest as (

    select
        max(value) filter (where platform = 'Netflix') as netflix,
        max(value) filter (where platform = 'Hulu') as hulu,
        concat(
            'Netflix ', cast(max(year) filter (where platform = 'Netflix') as text),
            ', Hulu ', cast(max(year) filter (where platform = 'Hulu') as text)
        ) as period
    from yearly
    where metric = 'subscribers' and platform in ('Netflix', 'Hulu') and years_back = 1
    having count(*) = 2

),

-- The latest year that both report.
both as (

    select
        netflix.year,
        netflix.value as netflix,
        hulu.value as hulu,
        row_number() over (order by netflix.year desc) as years_back
    from yearly as netflix
    inner join yearly as hulu on netflix.metric = hulu.metric and netflix.year = hulu.year
    where netflix.metric = 'subscribers' and netflix.platform = 'Netflix' and hulu.platform = 'Hulu'

),

measured as (

    select
        'amazon prime titles' as headline,
        cast(total_content as double) as value,
        'undated' as period
    from libraries
    where platform = 'Amazon Prime'
    union all
    select 'titles of all platforms', cast(sum(total_content) as double), 'undated'
    from libraries
    union all
    select 'titles a platform', cast(avg(total_content) as double), 'undated'
    from libraries
    union all
    select 'platforms', cast(nullif(count(*), 0) as double), 'undated'
    from libraries
    union all
    select 'movie-heavy platforms', cast(count(*) filter (where content_strategy = 'Movie-Heavy') as double), 'undated'
    from libraries
    having count(*) > 0
    union all
    select 'balanced platforms', cast(count(*) filter (where content_strategy = 'Balanced') as double), 'undated'
    from libraries
    having count(*) > 0
    union all
    select 'netflix revenue growth', total_growth_rate, period
    from revenue_growth
    union all
    select 'netflix revenue growth intervals', cast(intervals as double), period
    from revenue_growth
    union all
    select 'netflix revenue cagr', cagr, period
    from revenue_growth
    union all
    select 'netflix revenue mean yearly growth', mean_growth_rate, period
    from revenue_growth
    union all
    select 'netflix subscribers', cast(value as double), cast(year as text)
    from yearly
    where platform = 'Netflix' and metric = 'subscribers' and years_back = 1
    union all
    select concat(lower(platform), ' revenue sum'), cast(revenue as double), period
    from sums
    union all
    select 'subscribers of two platforms, years mixed', cast(netflix + hulu as double), period
    from latest
    union all
    select 'netflix share of two, years mixed', cast(netflix as double) / cast(netflix + hulu as double), period
    from latest
    union all
    select 'hulu share of two, years mixed', cast(hulu as double) / cast(netflix + hulu as double), period
    from latest
    union all
    select 'subscribers of two platforms, same year', cast(netflix + hulu as double), cast(year as text)
    from both
    where years_back = 1
    union all
    select
        'netflix share of two, same year',
        cast(netflix as double) / cast(netflix + hulu as double),
        cast(year as text)
    from both
    where years_back = 1
    union all
    select
        'hulu share of two, same year',
        cast(hulu as double) / cast(netflix + hulu as double),
        cast(year as text)
    from both
    where years_back = 1
    union all
    select 'files of figures', cast(nullif(count(distinct concat(folder, '/', file)), 0) as double), 'undated'
    from bronze.platform_metrics
    where _current
    union all
    select 'rows of figures', cast(nullif(count(*), 0) as double), 'undated'
    from bronze.platform_metrics
    where _current

),

published as (

    select
        column1 as place,
        column2 as headline,
        column3 as unit,
        column4 as published,
        -- Half of the last digit printed.
        column5 as tolerance,
        column6 as remark
    from (
        values
        (1, 'amazon prime titles', 'titles', 29000, 0,
            'films and series of the published library, not of the catalogue file'),
        (2, 'titles of all platforms', 'titles', 41785, 0,
            'of the platforms whose library is published'),
        (3, 'titles a platform', 'titles', null, null,
            'plain mean; Amazon Prime alone has most of the titles'),
        (4, 'platforms', 'platforms', 6, 0,
            'those whose library is published; other figures speak of more platforms'),
        (5, 'movie-heavy platforms', 'platforms', 4, 0,
            'more than two films a series'),
        (6, 'balanced platforms', 'platforms', 2, 0,
            'Hulu and Netflix, whose ratio is exactly two'),
        (7, 'netflix revenue growth', 'rate', 7.03, 0.005,
            'last year over first; published as over ten years, which are nine intervals'),
        (8, 'netflix revenue growth intervals', 'years', 10, 0,
            'ten years are listed, nine lie between the first and the last'),
        (9, 'netflix revenue cagr', 'rate', null, null,
            'compound growth a year, over the intervals'),
        (10, 'netflix revenue mean yearly growth', 'rate', null, null,
            'plain mean of the yearly rates; not what compounds'),
        (11, 'netflix subscribers', 'subscribers', 192900000, 50000,
            'the latest year that the figures have, not a current number'),
        (12, 'netflix revenue sum', 'USD', 104100000000, 50000000,
            'sum of ten years; not comparable with the sum for Hulu'),
        (13, 'hulu revenue sum', 'USD', 20300000000, 50000000,
            'sum of eleven years; not comparable with the sum for Netflix'),
        (14, 'subscribers of two platforms, years mixed', 'subscribers', 235900000, 50000,
            'adds different years of two platforms: do not quote'),
        (15, 'netflix share of two, years mixed', 'share', 0.818, 0.0005,
            'divides different years of two platforms: do not quote'),
        (16, 'hulu share of two, years mixed', 'share', 0.182, 0.0005,
            'divides different years of two platforms: do not quote'),
        (17, 'subscribers of two platforms, same year', 'subscribers', null, null,
            'the latest year that both report; two platforms are no market'),
        (18, 'netflix share of two, same year', 'share', null, null,
            'of Netflix and Hulu only, in the latest year that both report'),
        (19, 'hulu share of two, same year', 'share', null, null,
            'of Netflix and Hulu only, in the latest year that both report'),
        (20, 'files of figures', 'files', 33, 0,
            'the published count lacks files that follow an unreadable one in their folder'),
        (21, 'rows of figures', 'rows', 227, 0,
            'the published count lacks the rows of those files')
    ) as headlines

)

select
    published.headline,                     -- what the number is
    published.place,                        -- order to read them in
    cast(published.published as double) as published, -- as it was published; null where it was not
    measured.value,                         -- what the figures say
    published.unit,                         -- the unit of both
    measured.period,                        -- what the figures are about
    abs(measured.value - published.published) <= published.tolerance as is_confirmed, -- equal to the last digit printed
    published.remark                        -- what to keep in mind
from published
inner join measured on published.headline = measured.headline
where measured.value is not null
