-- Every period that a published figure is about: years, halves, quarters.
--
-- Periods of different grains overlap and must not be added or compared.
-- `period_number` counts the periods of one grain: two periods follow each
-- other when their numbers differ by 1, and lie a year apart when they differ
-- by `periods_per_year`. The period `undated` stands for the time of publication.
--
-- grain: period
-- accepted: period_grain in (year, half, quarter, undated)
-- check: (period_grain = 'undated') = (period_start is null)
-- check: period_start is null or period_end > period_start

with

periods as (

    select distinct
        period,
        period_grain,
        period_start,
        case period_grain
            when 'year' then 1
            when 'half' then 2
            when 'quarter' then 4
        end as periods_per_year
    from silver.platform_metrics

)

select
    period,                                 -- as published: 2020, Q1 2020, H1 2019, or undated
    period_grain,                           -- year, half, quarter or undated
    period_start,                           -- its first day; null where undated
    cast(
        case period_grain
            when 'year' then period_start + interval '12 months' - interval '1 day'
            when 'half' then period_start + interval '6 months' - interval '1 day'
            when 'quarter' then period_start + interval '3 months' - interval '1 day'
        end as date
    ) as period_end,                        -- its last day
    extract(year from period_start) as year, -- calendar year it lies in
    periods_per_year,                       -- 1, 2 or 4
    extract(year from period_start) * periods_per_year
    + (extract(month from period_start) - 1) * periods_per_year / 12 as period_number -- counts periods of its grain
from periods
