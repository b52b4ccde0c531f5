-- Which other titles the viewers of a title watched unusually often.
--
-- For each title the other titles with the highest lift: how many times more
-- users watched both than if the two had nothing to do with each other. Lift is
-- P(both) / (P(title) x P(other)) over the users who have watched anything, the
-- same in both directions; confidence is P(other | title) and is not. Of equal
-- lifts the pair with more viewers comes first, then the smaller number.
--
-- `silver.settings` says how many titles are compared (those with the most
-- viewers, because pairs grow with the square), how many users must have watched
-- both, and how many recommendations a title has. As each title has its own
-- list, a title can be recommended for another and not the other way round.
-- Titles that no catalogue has are never recommended.
--
-- grain: title_id, recommended_title_id
-- references: title_id -> silver.titles.title_id
-- references: recommended_title_id -> silver.titles.title_id
-- unique: title_id, rank
-- check: title_id <> recommended_title_id
-- check: both_viewers <= least(viewers, recommended_viewers)
-- check: confidence > 0 and confidence <= 1
-- check: lift > 0

with

audience as (

    select cast(bitmap_count(bitmap_merge(active_days.users)) as double) as users
    from silver.active_days
    cross join silver.as_of
    where active_days.day <= as_of.as_of

),

title_viewers as (

    select
        title_audiences.title_id,
        title_audiences.viewer_set,
        title_audiences.viewers,
        row_number() over (
            order by title_audiences.viewers desc, title_audiences.title_id
        ) as place
    from silver.title_audiences
    inner join silver.titles on title_audiences.title_id = titles.title_id

),

compared as (

    select
        title_viewers.title_id,
        title_viewers.viewer_set,
        title_viewers.viewers,
        audience.users,
        settings.recommendation_min_viewers as min_viewers,
        settings.recommendations_per_title as per_title
    from title_viewers
    cross join audience
    cross join silver.settings
    where
        title_viewers.viewers >= settings.recommendation_min_viewers
        and title_viewers.place <= settings.recommendation_titles

),

pairs as (

    select
        compared.title_id,
        others.title_id as other_id,
        bitmap_overlap(compared.viewer_set, others.viewer_set) as both_viewers,
        compared.viewers,
        others.viewers as other_viewers,
        compared.users,
        compared.min_viewers,
        compared.per_title
    from compared
    inner join compared as others on compared.title_id < others.title_id

),

-- What is unnested with the titles is counted once: a condition on it stays
-- above the join.
directed as (

    select
        unnest(make_array(title_id, other_id)) as title_id,
        unnest(make_array(other_id, title_id)) as recommended_title_id,
        unnest(make_array(viewers, other_viewers)) as viewers,
        unnest(make_array(other_viewers, viewers)) as recommended_viewers,
        unnest(make_array(both_viewers, both_viewers)) as both_viewers,
        users,
        min_viewers,
        per_title
    from pairs

),

judged as (

    select
        *,
        cast(both_viewers as double) / viewers as confidence,
        both_viewers * users / (viewers * recommended_viewers) as lift
    from directed
    where both_viewers >= min_viewers

),

ranked as (

    select
        *,
        row_number() over (
            partition by title_id
            order by lift desc, both_viewers desc, recommended_title_id
        ) as rank
    from judged

)

select
    title_id,                               -- see silver.titles
    recommended_title_id,                   -- see silver.titles
    rank,                                   -- 1 is the first to recommend
    both_viewers,                           -- users who watched both
    viewers,                                -- users who watched the title
    recommended_viewers,                    -- users who watched the recommended one
    confidence,                             -- of the title's viewers, the share who watched the other too
    lift                                    -- how many times more often than by chance
from ranked
where rank <= per_title
