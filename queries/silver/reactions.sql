-- What a viewer's reaction to a title can be.
--
-- grain: reaction_id
-- unique: reaction

select
    column1 as reaction_id,                 -- the number that sources give
    column2 as reaction                     -- like, neutral or dislike
from (values (1, 'like'), (0, 'neutral'), (-1, 'dislike')) as words
