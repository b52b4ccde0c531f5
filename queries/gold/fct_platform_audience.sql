-- Who a platform's users are, and what they watch.
--
-- One row per group of users or per game. Shares add up to 1 within a segment
-- kind; games are only the most watched ones, so their hours are no total.
--
-- grain: platform, segment_kind, segment
-- references: platform -> gold.dim_platform.platform
-- accepted: segment_kind in (age, gender, game, other)
-- check: user_share is null or user_share between 0 and 1
-- check: (user_share is null) <> (hours_watched is null)

select
    platform,                               -- see gold.dim_platform
    case
        when metric = 'game_hours_watched' then 'game'
        when file like '%Age%' then 'age'
        when file like '%Gender%' then 'gender'
        else 'other'
    end as segment_kind,                    -- age, gender, game or other
    segment,                                -- a group of users, or a game
    cast(case when metric = 'user_share' then value end as double) as user_share, -- the group's share of the users
    cast(
        case when metric = 'game_hours_watched' then value end as bigint
    ) as hours_watched                      -- hours of the game so far; the source states no unit
from silver.platform_metrics
where metric in ('user_share', 'game_hours_watched')
