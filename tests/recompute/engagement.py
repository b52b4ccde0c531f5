"""Recomputes the marts about active users, what they watch and how they rate it."""

from marts import mart
from sources import (ACTIVE_DAYS, RECOMMENDATION_MIN_VIEWERS, RECOMMENDATION_TITLES,
                     RECOMMENDATIONS_PER_TITLE)

# Sessions that say something about a known user up to as_of.
KNOWN = "(select s.* from sessions s, clock where s.is_known_user and s.day <= as_of)"

# Users with a live subscription at as_of.
SUBSCRIBED = """(select distinct user_id from subscriptions, clock
    where start_date <= as_of and (end_date is null or end_date > as_of))"""


def calendar(step, first="min(day)"):
    """Every day or week from the first with a session to the last, none without sessions."""
    return f"""(select unnest(generate_series({first}, max(day), interval 1 {step}))::date as d
        from {KNOWN} having count(*) > 0)"""


# --- dimensions and facts ---------------------------------------------------------------------------

@mart("date_key")
def dim_date(w):
    """Every day of the whole years from the first event to the last; a week begins on Sunday."""
    return """
        with years as (select min(year(day)) as first, max(year(day)) as last from events),
        days as (
            select unnest(generate_series(make_date(first, 1, 1), make_date(last, 12, 31),
                interval 1 day))::date as d from years where first is not null
        )
        select d as date_key, dayofweek(d) + 1 as day_of_week, dayofweek(d) in (0, 6) as is_weekend,
            month(d) as month, strftime(d, '%b') as month_name, quarter(d) as quarter,
            year(d) as year, month_of(d) as month_start
        from days"""


@mart("title_id")
def dim_movies(w):
    """Every film of the company's own catalogue."""
    return """select title_id, title, genres as genre, release_year, duration_minutes, language,
        added_at as created_at, added_date as created_date from titles where catalogue = 'own'"""


@mart("session_id")
def fact_user_activity(w):
    """Every session; completed_flag compares fractions: ratio >= 0.85."""
    return """select month, session_id, user_id, title_id, day as date_key, device_type, started_at,
        ended_at, watch_minutes as watch_duration_minutes, session_minutes,
        completion_ratio, is_completed as completed_flag, plan, country from sessions"""


@mart("rating_id")
def fact_ratings(w):
    """Every rating, with the score from 0 to 1 beside it."""
    return """select rating_id, user_id, title_id, day as date_key, month, rated_at, rating_score,
        rating_0_1, review_text, is_before_joining from ratings"""


@mart("date_key", "title_id")
def fact_movie_popularity(w):
    """Sessions, distinct viewers and minutes of each title on each day."""
    return """
        select any_value(month) as month, day as date_key, title_id, count(*) as total_watch_count,
            count(distinct user_id) as unique_viewers,
            coalesce(sum(watch_minutes), 0) as total_watch_time_minutes,
            coalesce(sum(watch_minutes), 0) / count(*) as avg_watch_duration,
            count(*) filter (is_completed) as completed_sessions
        from sessions group by day, title_id"""


# --- by title ------------------------------------------------------------------------------------------

@mart("month", "title_id")
def mart_movie_popularity_monthly(w):
    """Sessions, distinct viewers of the month and minutes of each title; ranked by minutes."""
    return """
        with titles_of_months as (
            select month, title_id, count(*) as sessions, count(distinct user_id) as viewers,
                coalesce(sum(watch_minutes), 0) as watch_minutes,
                coalesce(sum(watch_minutes), 0) / count(*) as avg_watch_minutes,
                coalesce(sum(session_minutes), 0) as session_minutes,
                count(*) filter (is_completed) as completed_sessions
            from sessions group by month, title_id
        )
        select *, row_number() over (partition by month order by watch_minutes desc, title_id)
            as rank_in_month
        from titles_of_months"""


@mart("month", "title_id")
def mart_movie_rating_monthly(w):
    """Mean score, number of ratings and distinct raters of each title and month."""
    return """
        select month, title_id, avg(rating_score) as avg_rating, count(*) as total_ratings,
            count(distinct user_id) as unique_raters, sum(rating_score) as sum_of_scores
        from ratings group by month, title_id"""


@mart("title_id")
def completion_by_title(w):
    """Completed sessions over those of known length, and over all."""
    return """
        select title_id, count(*) as sessions, count(completion_ratio) as sessions_of_known_length,
            count(*) filter (is_completed) as completed_sessions,
            count(*) filter (is_completed) / nullif(count(completion_ratio), 0) as completion_rate,
            count(*) filter (is_completed) / count(*) as completion_rate_all_sessions,
            sum(completion_ratio)::double / nullif(count(completion_ratio), 0) as avg_completion_ratio
        from sessions group by title_id"""


@mart("month", "title_id")
def top_completed_titles_monthly(w):
    """The ten titles of a month with the most completed sessions; then minutes, then number."""
    return """
        with titles_of_months as (
            select month, title_id, count(*) filter (is_completed) as completed_sessions,
                count(*) as sessions, count(distinct user_id) as viewers,
                coalesce(sum(watch_minutes), 0) as watch_minutes
            from sessions group by month, title_id
            having count(*) filter (is_completed) > 0
        )
        select *, row_number() over (partition by month
            order by completed_sessions desc, watch_minutes desc, title_id) as rank_in_month
        from titles_of_months qualify rank_in_month <= 10"""


@mart("month", "device_type")
def watch_by_device_monthly(w):
    """What was watched on each kind of device in each month."""
    return """
        select month, coalesce(device_type, 'unknown') as device_type, count(*) as sessions,
            count(distinct user_id) as viewers, coalesce(sum(watch_minutes), 0) as watch_minutes,
            avg(session_minutes) as avg_session_minutes,
            count(completion_ratio) as sessions_of_known_length,
            count(*) filter (is_completed) as completed_sessions,
            count(*) filter (is_completed) / nullif(count(completion_ratio), 0) as completion_rate
        from sessions group by month, coalesce(device_type, 'unknown')"""


# --- by genre -------------------------------------------------------------------------------------------

GENRES_OF_SESSIONS = """
    (select s.month, coalesce(s.country, 'unknown') as country, coalesce(g.genre, 'unknown') as genre,
        coalesce(s.watch_minutes, 0) as minutes, coalesce(n.genres, 1) as genres
    from sessions s left join title_genres g using (title_id)
    left join (select title_id, count(*) as genres from title_genres group by title_id) n using (title_id))"""


@mart("genre")
def genre_watch_time(w):
    """Minutes in full for each genre of a title, and split evenly; shares are of the split ones."""
    return f"""
        with by_genre as (
            select genre, count(*) as sessions, sum(minutes) as watch_minutes_full,
                fsum(minutes / genres) as watch_minutes_split
            from {GENRES_OF_SESSIONS} group by genre
        )
        select *, watch_minutes_split / nullif((select sum(watch_minutes) from sessions), 0)
                as genre_watch_share,
            row_number() over (order by watch_minutes_full desc, genre) as rank
        from by_genre"""


@mart("month", "country", "genre")
def genre_watch_by_country_monthly(w):
    """The same for each month and country; ranked and shared within them."""
    return f"""
        with by_genre as (
            select month, country, genre, count(*) as sessions, sum(minutes) as watch_minutes_full,
                fsum(minutes / genres) as watch_minutes_split
            from {GENRES_OF_SESSIONS} group by month, country, genre
        )
        select *, watch_minutes_split / nullif(fsum(watch_minutes_split)
                over (partition by month, country), 0) as genre_watch_share,
            row_number() over (partition by month, country order by watch_minutes_full desc, genre) as rank
        from by_genre"""


# --- active users -----------------------------------------------------------------------------------------

@mart("day")
def active_users_daily(w):
    """DAU: distinct users with a session on the day; every day between the first and the last."""
    return f"""
        select d as day, count(distinct user_id) as dau, count(s.session_id) as sessions,
            coalesce(sum(watch_minutes), 0) as watch_minutes
        from {calendar('day')} left join {KNOWN} s on s.day = d group by d"""


@mart("week_start")
def active_users_weekly(w):
    """WAU: distinct users with a session in the ISO week."""
    return f"""
        select d as week_start, d + 6 > any_value(as_of) as is_partial, count(distinct user_id) as wau,
            count(s.session_id) as sessions, coalesce(sum(watch_minutes), 0) as watch_minutes
        from {calendar('week', "date_trunc('week', min(day))")}
        left join {KNOWN} s on s.day between d and d + 6, clock group by d"""


@mart("month")
def active_users_monthly(w):
    """MAU, mean DAU over the month's days up to as_of, stickiness = mean DAU / MAU, users of the 28
    days up to the last, and completed sessions over those of known length."""
    return f"""
        with months as (
            select d as month, least(month_end(d), as_of) as last_day, month_end(d) > as_of as is_partial,
                least(month_end(d), as_of) - d + 1 as days
            from {calendar('month', 'month_of(min(day))')}, clock
        ), user_days as (
            select month, day, count(distinct user_id) as users from {KNOWN} group by month, day
        ), new_ones as (
            select month, count(*) as new_viewers
            from (select user_id, month_of(min(day)) as month from {KNOWN} group by user_id)
            group by month
        ), totals as (
            select month, count(distinct user_id) as mau, count(*) as sessions,
                coalesce(sum(watch_minutes), 0) as watch_minutes,
                count(completion_ratio) as sessions_of_known_length,
                count(*) filter (is_completed) as completed_sessions,
                avg(session_minutes) as avg_session_minutes
            from {KNOWN} group by month
        ), rolling as (
            select m.month, count(distinct s.user_id) as mau_28d
            from months m left join {KNOWN} s on s.day between m.last_day - 27 and m.last_day
            group by m.month
        )
        select m.month, m.is_partial, m.days, coalesce(t.mau, 0) as mau,
            coalesce((select sum(users) from user_days d where d.month = m.month), 0) / m.days as avg_dau,
            (select sum(users) from user_days d where d.month = m.month) / m.days / t.mau as stickiness,
            r.mau_28d, coalesce(n.new_viewers, 0) as new_viewers, coalesce(t.sessions, 0) as sessions,
            coalesce(t.watch_minutes, 0) as watch_minutes,
            coalesce(t.sessions_of_known_length, 0) as sessions_of_known_length,
            coalesce(t.completed_sessions, 0) as completed_sessions,
            t.completed_sessions / nullif(t.sessions_of_known_length, 0) as completion_rate,
            t.completed_sessions / t.sessions as completion_rate_all_sessions,
            t.avg_session_minutes
        from months m join rolling r using (month) left join totals t using (month)
        left join new_ones n using (month)"""


@mart("cohort_month", "months_since_joining")
def cohort_retention(w):
    """Of the users who joined in month c, the share with a session in month c + n; the unbounded
    variant: in it or later. Sessions from before the day of joining do not count."""
    return f"""
        with cohorts as (
            select month_of(join_date) as cohort_month, count(*) as cohort_users
            from users where join_date is not null group by 1
        ), grid as (
            select cohort_month, cohort_users,
                unnest(generate_series(cohort_month, as_of, interval 1 month))::date as month
            from cohorts, clock
        ), active as (
            select distinct month_of(u.join_date) as cohort_month, s.month, s.user_id
            from {KNOWN} s join users u using (user_id) where s.day >= u.join_date
        ), lasts as (
            select cohort_month, user_id, max(month) as last_month from active group by all
        ), counted as (
            select g.cohort_month, g.month, g.cohort_users,
                (select count(*) from active a
                    where a.cohort_month = g.cohort_month and a.month = g.month) as active_users,
                (select count(*) from lasts l
                    where l.cohort_month = g.cohort_month and l.last_month >= g.month)
                    as active_users_unbounded
            from grid g
        )
        select counted.*, datediff('month', cohort_month, month) as months_since_joining,
            month_end(month) > as_of as is_partial, active_users / cohort_users as retention_rate,
            active_users_unbounded / cohort_users as retention_rate_unbounded
        from counted, clock"""


# --- by user -----------------------------------------------------------------------------------------------

@mart("month", "user_id")
def mart_user_activity_monthly(w):
    """Minutes, sessions, completed sessions and days with a session of each user and month."""
    return """
        select month, user_id, coalesce(sum(watch_minutes), 0) as total_watch_time_minutes,
            count(*) as total_sessions, coalesce(sum(watch_minutes), 0) / count(*) as avg_watch_duration,
            count(*) filter (is_completed) as completed_sessions,
            count(completion_ratio) as sessions_of_known_length,
            count(distinct day) as active_days
        from sessions where is_known_user group by month, user_id"""


@mart("user_id")
def user_activity(w):
    """Every user: what was watched, whether the last session is at most 30 days back, whether there
    was one ever, whether a subscription is live at as_of; the genre with the most minutes."""
    return f"""
        with watched as (
            select user_id, count(*) as sessions, coalesce(sum(watch_minutes), 0) as watch_minutes,
                min(day) as first_day, max(day) as last_day,
                count(*) filter (is_completed) as completed_sessions,
                count(completion_ratio) as known,
                sum(completion_ratio)::double as ratios, count(distinct title_id) as distinct_titles
            from {KNOWN} group by user_id
        ), favourites as (
            select s.user_id, g.genre, sum(s.watch_minutes) as minutes
            from {KNOWN} s join title_genres g using (title_id) group by s.user_id, g.genre
            qualify row_number() over (partition by s.user_id order by minutes desc, g.genre) = 1
        )
        select u.user_id, coalesce(s.sessions, 0) as sessions, coalesce(s.watch_minutes, 0) as watch_minutes,
            s.first_day as first_session_date, s.last_day as last_session_date,
            as_of - s.last_day as days_since_last_session,
            coalesce(as_of - s.last_day <= {ACTIVE_DAYS}, false) as is_active_30d,
            s.user_id is not null as is_ever_active,
            u.user_id in (from {SUBSCRIBED}) as is_subscribed,
            coalesce(s.completed_sessions, 0) as completed_sessions,
            coalesce(s.known, 0) as sessions_of_known_length,
            s.completed_sessions / nullif(s.known, 0) as completion_rate,
            s.ratios / nullif(s.known, 0) as avg_completion_ratio,
            f.genre as favourite_genre, coalesce(s.distinct_titles, 0) as distinct_titles
        from users u left join watched s using (user_id) left join favourites f using (user_id), clock"""


@mart("as_of")
def inactivity(w):
    """Of the users with a live account at as_of, the share whose last session is more than 30 days
    back: day 30 is active, day 31 is not; all users beside it. No row without sessions."""
    return f"""
        with lasts as (
            select user_id, max(day) as last_day from {KNOWN} group by user_id
        ), flags as (
            select u.user_id, coalesce(as_of - l.last_day > {ACTIVE_DAYS}, true) as is_inactive,
                u.user_id in (from {SUBSCRIBED})
                    or not exists (from subscriptions) as is_live
            from users u left join lasts l using (user_id), clock where u.join_date <= as_of
        )
        select any_value(as_of) as as_of, {ACTIVE_DAYS} as active_days,
            count(*) filter (is_live) as accounts_live,
            count(*) filter (is_live and is_inactive) as inactive_accounts,
            inactive_accounts / nullif(accounts_live, 0) as inactivity_rate_30d,
            count(*) as users, count(*) filter (is_inactive) as inactive_users,
            inactive_users / count(*) as inactivity_rate_30d_all_users
        from flags, clock having exists (from sessions)"""


@mart("title_id", "recommended_title_id")
def title_recommendations(w):
    """Lift of two titles over all users who watched anything: P(both) / (P(one) x P(other)); the 20
    highest of each title, among the 500 titles with the most viewers and 5 users who watched both."""
    return f"""
        with watched as (
            select distinct user_id, title_id from {KNOWN} s
        ), everybody as (
            select count(distinct user_id) as n from watched
        ), popular as (
            select title_id, count(*) as viewers from watched
            where title_id in (select title_id from titles) group by title_id
            order by viewers desc, title_id limit {RECOMMENDATION_TITLES}
        ), pairs as (
            select a.title_id, b.title_id as other, count(*) as both_viewers
            from watched a join watched b on a.user_id = b.user_id and a.title_id <> b.title_id
            where a.title_id in (select title_id from popular)
                and b.title_id in (select title_id from popular)
            group by all having both_viewers >= {RECOMMENDATION_MIN_VIEWERS}
        )
        -- one division of whole numbers, so that equal lifts compare equal
        select p.title_id, p.other as recommended_title_id,
            row_number() over (partition by p.title_id
                order by p.both_viewers / o.viewers desc, p.both_viewers desc, p.other) as rank,
            p.both_viewers, t.viewers, o.viewers as recommended_viewers,
            p.both_viewers / t.viewers as confidence,
            (p.both_viewers * n) / (t.viewers * o.viewers) as lift
        from pairs p join popular t using (title_id) join popular o on o.title_id = p.other, everybody
        qualify rank <= {RECOMMENDATIONS_PER_TITLE}"""
