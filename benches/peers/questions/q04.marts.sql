-- Watch time per genre, of titles with lists of genres
select genre, sum(sessions) as sessions, sum(watch_minutes) as watch_minutes
from gold.genre_by_country
group by genre
