-- Who watches Twitch, and which games?

select
    segment_kind,                           -- age, gender or game
    segment,                                -- a group of users, or a game
    user_share,                             -- the group's share of the users
    hours_watched                           -- hours of the game so far; the source states no unit
from gold.fct_platform_audience
where platform = 'Twitch'
order by segment_kind, hours_watched desc, user_share desc, segment
