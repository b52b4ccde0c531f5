-- What else do the viewers of a title watch?
--
-- The title as written, capitals aside; each of several titles of that name has
-- its own list.
--
-- param: title text
-- param: limit bigint = 10

select
    titles.title_id,                        -- the title asked for
    titles.title,                           -- as written
    title_recommendations.rank,             -- 1 is the first to recommend
    recommended.title as recommended_title, -- what else is watched
    recommended.genres as recommended_genres, -- comma list
    title_recommendations.both_viewers,     -- users who watched both
    title_recommendations.confidence,       -- of the title's viewers, the share who watched the other too
    title_recommendations.lift              -- how many times more often than by chance
from gold.title_recommendations
inner join silver.titles on title_recommendations.title_id = titles.title_id
inner join silver.titles as recommended
    on title_recommendations.recommended_title_id = recommended.title_id
where
    lower(trim(titles.title)) = lower(trim($title))
    and title_recommendations.rank <= $limit
order by titles.title_id, title_recommendations.rank
