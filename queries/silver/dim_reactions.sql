-- What a viewer's reaction can be, under the names of the normalised WoWCinema schema.
--
-- A renaming of `silver.reactions`.
--
-- materialized: view
-- grain: id_reaction

select
    reaction_id as id_reaction,             -- the number that sources give
    reaction as reaction_name               -- like, neutral or dislike
from silver.reactions
