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

    select
        cast(count(*) as double) as users,
        min(settings.recommendation_min_viewers) as min_viewers,
        min(settings.recommendation_titles) as titles,
        min(settings.recommendations_per_title) as per_title
    from gold.user_activity
    cross join silver.settings
    where user_activity.is_ever_active

),

title_viewers as (

    select
        user_titles.title_id,
        count(*) as viewers,
        cast(
            row_number() over (order by count(*) desc, user_titles.title_id) as bigint
        ) as place
    from gold.user_titles
    inner join silver.titles on user_titles.title_id = titles.title_id
    group by user_titles.title_id

),

compared as (

    select
        title_viewers.title_id,
        title_viewers.viewers,
        title_viewers.place,
        audience.users,
        audience.min_viewers,
        audience.per_title
    from audience
    cross join title_viewers
    where
        title_viewers.viewers >= audience.min_viewers
        and title_viewers.place <= audience.titles

),

seen as (

    select
        user_titles.user_id,
        compared.place
    from gold.user_titles
    inner join compared on user_titles.title_id = compared.title_id

),

counted as (

    -- The two places make one number: grouping by one column is twice as fast.
    select
        first.place * 1000000 + second.place as places,
        count(*) as both_viewers
    from seen as first
    inner join seen as second
        on first.user_id = second.user_id
        and first.place < second.place
    group by first.place * 1000000 + second.place

),

pairs as (

    select
        unnest(make_array(places / 1000000, places % 1000000)) as place,
        unnest(make_array(places % 1000000, places / 1000000)) as other_place,
        both_viewers
    from counted

),

judged as (

    select
        compared.title_id,
        others.title_id as recommended_title_id,
        pairs.both_viewers,
        compared.viewers,
        others.viewers as recommended_viewers,
        cast(pairs.both_viewers as double) / compared.viewers as confidence,
        pairs.both_viewers * compared.users / (compared.viewers * others.viewers) as lift,
        compared.per_title
    from pairs
    inner join compared on pairs.place = compared.place
    inner join compared as others on pairs.other_place = others.place
    where pairs.both_viewers >= compared.min_viewers

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
