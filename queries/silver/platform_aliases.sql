-- Every spelling of a platform's name that figures use, and the one name kept.
--
-- grain: alias

select
    column1 as alias,                       -- a name as some figures spell it
    column2 as platform                     -- the name kept
from (
    values
    ('Amazon Prime Video', 'Amazon Prime'),
    ('Disney+', 'Disney Plus'),
    ('Douyin (TikTok)', 'Douyin'),
    ('ITV Hub+', 'ITV Hub'),
    ('NBC Universal Peacock', 'Peacock'),
    ('Peacock Premium', 'Peacock'),
    ('Tiktok', 'TikTok'),
    ('Youtube', 'YouTube')
) as spellings
