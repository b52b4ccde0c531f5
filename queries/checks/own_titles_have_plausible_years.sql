-- Titles of the own catalogue released before 1900 or after the year of `silver.as_of`.

select
    titles.title_id,
    titles.title,
    titles.release_year
from silver.titles
cross join silver.as_of
where
    titles.catalogue = 'own'
    and (
        titles.release_year < 1900
        or titles.release_year > extract(year from as_of.as_of)
    )
order by titles.title_id
