-- Every log of a known user, under the names of the normalised WoWCinema schema.
--
-- A log is a viewing session. All logs whose user exists are here, also later
-- ones of users that have logs already. A log whose title no catalogue has is
-- here too.
--
-- materialized: view
-- partition_by: month

select
    watch_sessions.month,                   -- first day of the month it started in
    coalesce(
        watch_sessions.log_id, cast(watch_sessions.session_id as text)
    ) as id_log,                            -- the source's id
    watch_sessions.user_id as id_user,      -- who watched; see silver.dim_users
    watch_sessions.title_id as id_title,    -- what was watched; see silver.dim_titles
    watch_sessions.started_at as session_start, -- when it began
    watch_sessions.ended_at as session_end, -- when it ended; null while open
    watch_sessions.rating_given,            -- the viewer's rating, 0 to 10
    reactions.reaction_id as id_reaction,   -- see silver.dim_reactions; null without a reaction
    regions.region_id as id_region          -- see silver.dim_regions; null where the source gives none
from silver.watch_sessions
left join silver.reactions on watch_sessions.reaction = reactions.reaction
left join silver.regions on watch_sessions.region = regions.region_name
where not watch_sessions.is_unknown_user
