"""Recomputes the marts about what is watched: by title, genre, plan and region."""

from engagement import KNOWN
from marts import mart

# The finest place that is known of a session: its country here, for want of regions.
PLACE = """case when s.country is null then 'unknown' else 'country' end as region_level,
    coalesce(s.country, 'unknown') as region"""


# --- totals --------------------------------------------------------------------------------------------

GENRES_OF_SESSIONS = f"""
    (select s.*, {PLACE}, coalesce(s.plan, 'none') as on_plan, coalesce(g.genre, 'unknown') as genre,
        coalesce(s.watch_minutes, 0) as minutes, coalesce(n.genres, 1) as genres
    from {KNOWN} s left join title_genres g using (title_id)
    left join (select title_id, count(*) as genres from title_genres group by title_id) n using (title_id))"""


@mart("genre", "plan", "region_level", "region")
def genre_totals(w):
    """The same by genre: minutes in full for each genre of a title, and split over them."""
    return f"""
        select genre, on_plan as plan, region_level, region, count(*) as sessions,
            sum(minutes) as watch_minutes_full,
            fsum(minutes / genres) as watch_minutes_split,
            count(completion_ratio) as sessions_of_known_length,
            count(*) filter (is_completed) as completed_sessions,
            coalesce(sum(completion_ratio), 0) as sum_of_completion_ratios,
            0 as ratings, 0::decimal(4, 2) as sum_of_ratings
        from {GENRES_OF_SESSIONS} group by all"""


def genres_within(group):
    """Minutes and shares of genres within a plan or a place, ranked by full minutes then name."""
    return f"""
        with by_genre as (
            select {group}, genre, count(*) as sessions, sum(minutes) as watch_minutes_full,
                fsum(minutes / genres) as watch_minutes_split
            from (select * exclude (plan), on_plan as plan from {GENRES_OF_SESSIONS})
            group by {group}, genre
        )
        select *, watch_minutes_split / nullif(fsum(watch_minutes_split)
                over (partition by {group}), 0) as genre_watch_share,
            case when genre <> 'unknown' then row_number() over (partition by {group}, genre = 'unknown'
                order by watch_minutes_full desc, genre) end as rank,
            case when genre <> 'unknown' then row_number() over (partition by {group}, genre = 'unknown'
                order by watch_minutes_full, genre) end as rank_from_bottom
        from by_genre"""


@mart("plan", "genre")
def genres_by_plan(w):
    """Genres by minutes within each plan; shares of the plan's minutes."""
    return f"select * exclude (rank_from_bottom) from ({genres_within('plan')})"


@mart("region_level", "region", "genre")
def genres_by_region(w):
    """Genres by minutes within each place; shares of the place's minutes."""
    return genres_within("region_level, region")


@mart("region_level", "region", "genre")
def completion_by_genre_and_region(w):
    """Completed sessions over those of known length, by place and genre."""
    return f"""
        select region_level, region, genre, count(*) as sessions,
            count(completion_ratio) as sessions_of_known_length,
            count(*) filter (is_completed) as completed_sessions,
            count(*) filter (is_completed) / nullif(count(completion_ratio), 0) as completion_rate,
            count(*) filter (is_completed) / count(*) as completion_rate_all_sessions,
            sum(completion_ratio)::double / nullif(count(completion_ratio), 0) as avg_completion_ratio
        from {GENRES_OF_SESSIONS} group by region_level, region, genre"""


@mart("genre")
def genre_popularity_index(w):
    """Mean of minutes and sessions, each over those of the leading genre (nobody rates sessions here)."""
    return f"""
        with by_genre as (
            select genre, count(*) as sessions, sum(minutes) as watch_minutes_full
            from {GENRES_OF_SESSIONS} where genre <> 'unknown' group by genre
        )
        select *, watch_minutes_full / nullif(max(watch_minutes_full) over (), 0) as minutes_score,
            sessions / max(sessions) over () as sessions_score, null::double as rating_score,
            (minutes_score + sessions_score) / 2 as genre_popularity_index
        from by_genre"""


# --- titles ----------------------------------------------------------------------------------------------

@mart("title_id")
def title_logs(w):
    """Every title with its sessions, unwatched ones too; ranks: sessions, minutes, name, number."""
    return f"""
        with watched as (
            select title_id, count(*) as logs, coalesce(sum(watch_minutes), 0) as minutes,
                count(*) filter (is_completed) as completed, count(completion_ratio) as known,
                sum(completion_ratio)::double as ratios
            from {KNOWN} s group by title_id
        ), all_of_them as (
            select t.title_id, t.title, t.title_type, coalesce(s.logs, 0) as logs,
                coalesce(s.minutes, 0) as watch_minutes,
                s.completed / nullif(s.known, 0) as completion_rate,
                s.completed / s.logs as completion_rate_all_sessions,
                s.ratios / nullif(s.known, 0) as avg_completion_ratio
            from titles t left join watched s using (title_id)
        )
        select *, 0 as ratings, null::double as platform_rating, null::decimal(4, 2) as imdb_rating,
            null::bigint as imdb_votes, 0 as likes, 0 as dislikes,
            row_number() over (order by logs desc, watch_minutes desc, title, title_id)
                as most_watched_rank,
            row_number() over (order by logs, watch_minutes, title, title_id) as least_watched_rank,
            count(*) over (partition by logs) as titles_with_as_many_logs
        from all_of_them"""


@mart("place")
def top_10_movie_watched(w):
    """The ten titles with the most sessions; unwatched ones never."""
    return f"""select most_watched_rank as place, title_id, title, title_type, logs, watch_minutes
        from ({title_logs(w)}) where most_watched_rank <= 10 and logs > 0"""


@mart("place")
def bottom_10_least_watched_movies(w):
    """The ten titles with the fewest sessions, unwatched ones first."""
    return f"""select least_watched_rank as place, title_id, title, title_type, logs, watch_minutes,
        titles_with_as_many_logs from ({title_logs(w)}) where least_watched_rank <= 10"""


@mart("title_id")
def rating_comaprison_plat_imdb(w):
    """Ratings on the platform beside those of IMDb; sessions here have none, and IMDb is not there."""
    return f"""select title_id, title, imdb_rating, imdb_votes, platform_rating, ratings,
        platform_rating - imdb_rating::double as rating_difference
        from ({title_logs(w)}) where platform_rating is not null or imdb_rating is not null"""


@mart("title_id")
def movie_quality_index(w):
    """Mean of the known parts: here only the mean completion ratio is known."""
    return f"""select title_id, title, logs, null::double as imdb_score, null::double as platform_score,
        avg_completion_ratio as completion_score, null::double as like_score, 1 as known_parts,
        avg_completion_ratio as movie_quality_index
        from ({title_logs(w)}) where avg_completion_ratio is not null"""


@mart("id_title")
def cleaned_titles(w):
    """Every title with its first director's name split at the first blank."""
    return """
        with pieces as (
            select title_id, trim(piece) as director, min(place) as place
            from (select title_id, unnest(string_split(directors, ',')) as piece,
                generate_subscripts(string_split(directors, ','), 1) as place from titles)
            where trim(piece) <> '' group by title_id, trim(piece)
        ), lists as (
            select title_id, string_agg(director, ', ' order by place) as directors, count(*) as n,
                arg_min(director, place) as first
            from pieces group by title_id
        )
        select t.title_id as id_title, t.title as title_name,
            split_part(l.first, ' ', 1) as title_director_first_name,
            nullif(trim(substr(l.first, length(split_part(l.first, ' ', 1)) + 1)), '')
                as title_director_last_name,
            l.directors as title_directors, coalesce(l.n, 0) as director_count,
            l.n is not null as has_director, t.title_type, t.release_year as title_start_year,
            t.duration_minutes as title_duration, null::decimal(4, 2) as title_rating,
            null::bigint as title_numvot_imdb
        from titles t left join lists l using (title_id)"""


# --- sessions --------------------------------------------------------------------------------------------

@mart("id_log")
def cleaned_fact_table(w):
    """Every session of a known user."""
    return """select month, session_id::varchar as id_log, user_id as id_user, title_id as id_title,
        started_at as session_start, ended_at as session_end, null::decimal(4, 2) as rating_given,
        null::bigint as id_reaction, null::smallint as id_region, null::varchar as region_name
        from sessions where is_known_user"""


@mart()
def movie_completion_ratio_raport(w):
    """Mean completion ratio over the sessions of known length, to three digits."""
    return f"""select round(sum(completion_ratio)::double / nullif(count(completion_ratio), 0), 3)
            as avg_completion_ratio,
        count(completion_ratio) as sessions_of_known_length, count(*) as sessions
        from {KNOWN} s"""


@mart()
def average_time_spent_on_platform(w):
    """Mean minutes between start and end, to the minute."""
    return f"""select round(sum(session_seconds) / nullif(count(session_seconds), 0) / 60, 0)
            as avg_session_minutes,
        count(session_seconds) as timed_sessions, count(*) as sessions
        from {KNOWN} s"""


@mart("plan")
def session_duration_by_plan(w):
    """Mean and median minutes of the sessions on each plan; half of the sessions are shorter."""
    return f"""select coalesce(plan, 'none') as plan, count(*) as sessions,
        count(session_seconds) as timed_sessions, avg(session_minutes) as avg_session_minutes,
        median(session_minutes)::double as median_session_minutes,
        avg(watch_minutes) as avg_watch_minutes, median(watch_minutes)::double as median_watch_minutes
        from {KNOWN} group by coalesce(plan, 'none')"""
