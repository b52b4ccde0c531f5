-- Kinds of rows of which more than a twentieth lies outside the life of what it belongs to.
--
-- tags: warn

with

counted as (

    select
        'sessions before their user joined' as kind,
        count(*) filter (where is_before_joining) as flagged,
        count(*) as all_rows
    from silver.watch_sessions
    union all
    select
        'sessions before their title was added' as kind,
        count(*) filter (where is_before_added) as flagged,
        count(*) as all_rows
    from silver.watch_sessions
    union all
    select
        'sessions of unknown users or titles' as kind,
        count(*) filter (where is_unknown_user or is_unknown_title) as flagged,
        count(*) as all_rows
    from silver.watch_sessions
    union all
    select
        'ratings before their user joined' as kind,
        count(*) filter (where is_before_joining) as flagged,
        count(*) as all_rows
    from silver.ratings
    union all
    select
        'payments outside their subscription' as kind,
        count(*) filter (where is_before_start or is_after_end) as flagged,
        count(*) as all_rows
    from silver.payments

)

select
    kind,
    flagged,
    all_rows,
    round(cast(flagged as double) / all_rows, 4) as flagged_share
from counted
where flagged * 20 > all_rows
order by kind
