-- What should a user watch next?
--
-- Titles that the viewers of what the user has watched watch too and that the
-- user has not watched yet. The score adds up how many times more often than by
-- chance, over the titles that speak for it.
--
-- param: user_id bigint
-- param: limit bigint = 10

with

watched as (

    select title_id
    from silver.user_title_months
    where user_id = $user_id
    group by title_id

),

scored as (

    select
        title_recommendations.recommended_title_id as title_id,
        count(*) as titles_for_it,
        round(sum(title_recommendations.lift), 6) as score
    from gold.title_recommendations
    inner join watched on title_recommendations.title_id = watched.title_id
    group by title_recommendations.recommended_title_id

)

select
    scored.title_id,                        -- the title's number
    titles.title,                           -- as written
    titles.genres,                          -- comma list
    scored.titles_for_it,                   -- watched titles that speak for it
    scored.score                            -- their lifts added up
from scored
left anti join watched on scored.title_id = watched.title_id
inner join silver.titles on scored.title_id = titles.title_id
order by scored.score desc, scored.title_id
limit $limit
