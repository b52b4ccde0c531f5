"""Recomputes the marts about the titles of catalogues."""

from marts import mart
from sources import CATALOGUES


@mart("catalogue", "country")
def catalogue_by_country(w):
    """Titles of each catalogue by country; one of several countries counts in each."""
    return """
        select catalogue, country, count(*) as titles,
            count(*) filter (title_type = 'movie') as movies,
            count(*) filter (title_type = 'series') as series,
            count(*) filter (title_type not in ('movie', 'series')) as others
        from titles join title_countries using (title_id) group by catalogue, country"""


@mart("catalogue", "genre")
def catalogue_by_genre(w):
    """Titles of each catalogue by genre; one of several genres counts in each."""
    return """
        select catalogue, genre, count(*) as titles,
            count(*) filter (title_type = 'movie') as movies,
            count(*) filter (title_type = 'series') as series,
            count(*) filter (title_type not in ('movie', 'series')) as others,
            avg(duration_minutes) filter (title_type = 'movie') as avg_duration_minutes
        from titles join title_genres using (title_id) group by catalogue, genre"""


@mart("title_id")
def dim_content(w):
    """Every title of the public catalogues of the platforms, also one that several offer."""
    names = ", ".join(f"('{catalogue}', '{platform}')" for _, catalogue, platform, _ in CATALOGUES)
    return f"""
        select title_id, p.platform, source_id, title, title_type, release_year, added_date, age_rating,
            duration_minutes, seasons, genres, countries
        from titles join (values {names}) p (catalogue, platform) using (catalogue)"""
