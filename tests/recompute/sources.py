"""Raw files in, the few facts that every definition speaks of out.

Reads the CSV files of a landing folder with readers of its own (nothing of a
lake is looked at) and cleans them as the warehouse's definitions say: test
accounts go, the newest row of a key counts, words for a status become one
vocabulary, missing ends of subscriptions are imputed. The results are tables
of an in-memory database:

    users, subscriptions, plans, payments, titles, title_genres,
    title_countries, sessions, ratings, interactions, figures, overviews

and `as_of`, the date of the latest event in them.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow

import figures as published_figures
from files import csv_rows, insert

# What the definitions leave to settings; their defaults.
COMPLETED_AT = Decimal("0.85")
ACTIVE_DAYS = 30
LOW_ENGAGEMENT_SESSIONS = 2
LOW_ENGAGEMENT_COMPLETION = Decimal("0.30")
ENGAGED_DAYS = 8
RECOMMENDATION_MIN_VIEWERS = 5
RECOMMENDATION_TITLES = 500
RECOMMENDATIONS_PER_TITLE = 20

# Files name no currency, so it is known to be none in particular.
UNSTATED = "unstated"

MACROS = """
create macro month_of(d) as date_trunc('month', d)::date;
create macro month_end(d) as (date_trunc('month', d) + interval 1 month - interval 1 day)::date;
-- each word with one capital; a hyphen or comma begins a word, an apostrophe does not
create macro title_case(t) as array_to_string(list_transform(
    regexp_extract_all(lower(t), '[^ ,-]+|[ ,-]+'), lambda word : upper(word[1]) || word[2:]), '');
-- n / d rounded half up to six or four digits, by whole numbers only
create macro six_digits(n, d) as
    (((2 * n::hugeint * 1000000 + d) // (2 * d))::decimal(20, 0) * 0.000001::decimal(6, 6))::decimal(26, 6);
create macro four_digits(money, d) as
    (((2 * (money * 100)::hugeint * 100 + d) // (2 * d))::decimal(24, 0) * 0.0001::decimal(4, 4))::decimal(28, 4);
"""

# What may stand in each family of files: columns of the result, the names that
# sources use for them (the first one found counts) and their types.
FAMILIES = {
    "raw_users": (("users*", "raw_users*", "customers*"), {
        "user_id": ("bigint", "user_id", "customer_id"),
        "name": ("varchar", "name"),
        "first_name": ("varchar", "first_name"),
        "last_name": ("varchar", "last_name"),
        "company_name": ("varchar", "company_name"),
        "email": ("varchar", "email"),
        "birth_date": ("timestamp", "birth_date"),
        "country": ("varchar", "country"),
        "state": ("varchar", "state"),
        "city": ("varchar", "city"),
        "marketing_channel": ("varchar", "marketing_channel"),
        "join_date": ("timestamp", "join_date", "registration_date"),
        "account_status": ("varchar", "subscription_status"),
        "plan": ("varchar", "subscription_plan", "plan"),
        "created_at": ("timestamp", "created_at"),
    }),
    "raw_subscriptions": (("subscriptions*", "raw_subscriptions*"), {
        "subscription_id": ("bigint", "subscription_id"),
        "user_id": ("bigint", "user_id"),
        "plan": ("varchar", "plan_type"),
        "price": ("decimal(12, 2)", "price"),
        "status": ("varchar", "status"),
        "start_date": ("timestamp", "start_date"),
        "end_date": ("timestamp", "end_date"),
        "created_at": ("timestamp", "created_at"),
    }),
    "raw_plans": (("plans*",), {
        "plan": ("varchar", "plan"),
        "plan_id": ("bigint", "plan_id"),
        "price": ("decimal(12, 2)", "price"),
        "currency": ("varchar", "currency"),
        "discount": ("decimal(5, 2)", "discount"),
    }),
    "raw_payments": (("payments*", "raw_payments*"), {
        "payment_id": ("bigint", "payment_id"),
        "user_id": ("bigint", "user_id"),
        "subscription_id": ("bigint", "subscription_id"),
        "amount": ("decimal(12, 2)", "amount"),
        "payment_date": ("timestamp", "payment_date"),
        "method": ("varchar", "method"),
        "status": ("varchar", "status"),
        "created_at": ("timestamp", "created_at"),
    }),
    "raw_movies": (("movies*",), {
        "movie_id": ("bigint", "movie_id"),
        "title": ("varchar", "title"),
        "genre": ("varchar", "genre"),
        "release_year": ("integer", "release_year"),
        "duration_min": ("integer", "duration_min"),
        "language": ("varchar", "language"),
        "created_at": ("timestamp", "created_at"),
    }),
    "raw_sessions": (("watch_sessions*",), {
        "session_id": ("bigint", "session_id"),
        "user_id": ("bigint", "user_id"),
        "title_id": ("bigint", "movie_id"),
        "device_type": ("varchar", "device_type"),
        "start_time": ("timestamp", "start_time"),
        "end_time": ("timestamp", "end_time"),
        "created_at": ("timestamp", "created_at"),
    }),
    "raw_ratings": (("ratings*",), {
        "rating_id": ("bigint", "rating_id"),
        "user_id": ("bigint", "user_id"),
        "title_id": ("bigint", "movie_id"),
        "rating_score": ("integer", "rating_score"),
        "rating_date": ("timestamp", "rating_date"),
        "review_text": ("varchar", "review_text"),
        "created_at": ("timestamp", "created_at"),
    }),
    "raw_interactions": (("interactions*",), {
        "interaction_id": ("varchar", "interaction_id"),
        "user_id": ("bigint", "user_id", "customer_id"),
        "interacted_at": ("timestamp", "interaction_date"),
        "interaction_type": ("varchar", "interaction_type"),
        "channel": ("varchar", "channel", "channels"),
        "duration_minutes": ("decimal(12, 2)", "duration_minutes"),
        "action_taken": ("varchar", "action_taken"),
        "product": ("varchar", "product", "associated_product"),
        "features": ("varchar", "features", "features_used"),
        "outcome": ("varchar", "outcome"),
        "country": ("varchar", "country"),
        "state": ("varchar", "state"),
        "city": ("varchar", "city"),
        "created_at": ("timestamp", "created_at"),
    }),
}

# Public catalogues: file, name of the catalogue, platform, what is added to
# the number in `s12` so that titles of several catalogues never collide.
CATALOGUES = (
    ("netflix_titles.csv", "netflix", "Netflix", 1_000_000_000),
    ("amazon_prime_titles.csv", "amazon prime", "Amazon Prime", 2_000_000_000),
    ("disney_plus_titles.csv", "disney plus", "Disney Plus", 3_000_000_000),
)


@dataclass
class Sources:
    """The cleaned facts of one landing folder."""

    con: duckdb.DuckDBPyConnection
    as_of: date
    recomputed: set = field(default_factory=set)

    def rows(self, name, columns, rows):
        """Makes a table of rows counted in Python; answers a query of it."""
        arrow = {"date": pyarrow.date32(), "bigint": pyarrow.int64(), "text": pyarrow.string(),
                 "bool": pyarrow.bool_(), "double": pyarrow.float64(), "money": pyarrow.decimal128(38, 2),
                 "money4": pyarrow.decimal128(38, 4), "figure": pyarrow.decimal128(38, 6)}
        names = [column.split()[0] for column in columns]
        kinds = [arrow[column.split()[1]] for column in columns]
        values = list(zip(*rows)) if rows else [[] for _ in names]
        table = pyarrow.table(
            [pyarrow.array(list(v), kind) for v, kind in zip(values, kinds)], names=names)
        self.con.register("rows_in", table)
        self.con.execute(f"create or replace temp table {name}_rows as from rows_in")
        self.con.unregister("rows_in")
        return f"from {name}_rows"

    def fetch(self, query):
        """All rows of a query as tuples."""
        return self.con.execute(query).fetchall()


def read_sources(raw):
    """Reads and cleans everything below a landing folder."""
    raw = Path(raw)
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(MACROS)
    for table, (patterns, columns) in FAMILIES.items():
        read_family(con, raw, table, patterns, columns)
    clean_users(con)
    clean_subscriptions(con)
    clean_payments(con)
    read_titles(con, raw)
    clean_sessions(con)
    clean_ratings(con)
    clean_interactions(con)
    published_figures.read(con, raw)
    as_of = con.execute("select max(day) from events").fetchone()[0]
    con.execute("create table clock as select ?::date as as_of", [as_of])
    return Sources(con, as_of)


def read_family(con, raw, table, patterns, columns):
    """Reads the files of one kind as text, finds columns by name, gives them types."""
    files = sorted({str(f) for pattern in patterns for f in raw.glob(pattern) if f.suffix == ".csv"})
    wanted = []
    if files:
        con.execute(f"""create or replace temp view csv_in as
            from read_csv({files}, header = true, delim = ',', quote = '"', escape = '"',
                all_varchar = true, nullstr = '', union_by_name = true)""")
        there = {row[0].lower() for row in con.execute("describe csv_in").fetchall()}
    for column, (kind, *names) in columns.items():
        found = next((n for n in names if files and n in there), None)
        value = f'trim("{found}")' if found and kind == "varchar" else f'"{found}"' if found else "null"
        wanted.append(f"nullif({value}, '')::{kind} as {column}")
    tail = "from csv_in" if files else "limit 0"
    con.execute(f"create table {table} as select {', '.join(wanted)} {tail}")


def clean_users(con):
    """One row a user, the newest; accounts of the channel Test are no users."""
    con.execute("""
        create table newest_users as
        select * from raw_users
        qualify row_number() over (partition by user_id order by created_at desc nulls last) = 1;
        create table users as
        select user_id, title_case(name) as name, first_name, last_name, company_name,
            lower(email) as email, birth_date::date as birth_date, country, state,
            title_case(city) as city,
            marketing_channel, account_status, plan,
            coalesce(join_date, created_at) as joined_at,
            coalesce(join_date, created_at)::date as join_date
        from newest_users
        where marketing_channel is distinct from 'Test';
        create table test_users as
        select user_id from newest_users where marketing_channel = 'Test';
    """)


def clean_subscriptions(con):
    """One row a subscription, with an end where it has ended, and its price."""
    con.execute(f"""
        create table newest_subscriptions as
        select * from raw_subscriptions
        where user_id not in (from test_users)
        qualify row_number() over (partition by subscription_id order by created_at desc nulls last) = 1;
        create table newest_payments as
        select * from raw_payments
        where subscription_id not in (select subscription_id from raw_subscriptions
            where user_id in (from test_users))
        qualify row_number() over (partition by payment_id order by created_at desc nulls last) = 1;

        -- a plan's price: the list's, else that of its latest subscription, else what was paid most often
        create table plans as
        with latest as (
            select plan, price from newest_subscriptions where price is not null
            qualify row_number() over (partition by plan order by start_date desc, subscription_id desc) = 1
        ), paid as (
            select s.plan, p.amount
            from newest_payments p join newest_subscriptions s using (subscription_id)
            group by s.plan, p.amount
            qualify row_number() over (partition by s.plan order by count(*) desc, p.amount desc) = 1
        )
        select n.plan, r.plan_id, coalesce(r.price, l.price, d.amount) as price,
            coalesce(r.currency, '{UNSTATED}') as currency,
            (coalesce(r.discount, 0) * 0.01)::decimal(9, 4) as discount_rate,
            case when r.price is not null then 'plan list' when l.price is not null then 'subscriptions'
                when d.amount is not null then 'payments' end as price_source
        from (select plan from newest_subscriptions union select plan from users where plan is not null
            union select plan from raw_plans) n
        left join raw_plans r using (plan) left join latest l using (plan) left join paid d using (plan);

        -- a cancelled or expired one without an end: a month after its last success
        create table subscriptions as
        with successes as (
            select subscription_id, max(payment_date)::date as last_success
            from newest_payments where status in ('success', 'completed') group by all
        )
        select s.subscription_id, s.user_id, s.plan, coalesce(s.price, p.price) as price,
            p.currency, s.status as subscription_status, s.start_date as started_at,
            s.start_date::date as start_date,
            case when s.end_date is not null then s.end_date::date
                when s.status in ('cancelled', 'expired')
                then (coalesce(e.last_success, s.start_date::date) + interval 1 month)::date
            end as end_date,
            s.end_date is null and s.status in ('cancelled', 'expired') as is_end_imputed,
            'subscriptions' as source
        from newest_subscriptions s join plans p using (plan)
        left join successes e using (subscription_id);

        -- the plan that the users' file names is a subscription too, where there is no other
        insert into subscriptions
        select null, u.user_id, u.plan, p.price, p.currency, 'active', u.joined_at, u.join_date, null, false,
            'users'
        from users u join plans p using (plan)
        where u.user_id not in (select user_id from subscriptions);
    """)


def clean_payments(con):
    """One vocabulary for results; a payment belongs to its subscription's user."""
    con.execute("""
        create table payments as
        select p.payment_id, p.subscription_id, coalesce(p.user_id, s.user_id) as user_id,
            s.plan, p.amount, s.currency, p.payment_date as paid_at,
            p.payment_date::date as payment_date, month_of(p.payment_date) as month,
            p.method as payment_method,
            case when p.status = 'success' then 'completed' else p.status end as payment_status,
            p.status in ('success', 'completed') as is_successful,
            p.payment_date < s.started_at as is_before_start,
            coalesce(p.payment_date::date > s.end_date, false) as is_after_end
        from newest_payments p join subscriptions s using (subscription_id);
    """)


def read_titles(con, raw):
    """The company's own films and the public catalogues, as one table of titles."""
    con.execute("""
        create table titles as
        select movie_id as title_id, 'own' as catalogue, movie_id::varchar as source_id, title,
            'movie' as title_type, release_year, created_at as added_at,
            created_at::date as added_date, null::varchar as age_rating,
            nullif(duration_min, 0)::bigint as duration_minutes, null::bigint as seasons,
            title_case(language) as language, title_case(genre) as genres,
            null::varchar as countries, null::varchar as directors
        from raw_movies
        qualify row_number() over (partition by movie_id order by created_at desc nulls last) = 1
    """)
    for file, catalogue, _, offset in CATALOGUES:
        for path in raw.glob(f"**/{file}"):
            rows = [catalogue_title(row, catalogue, offset) for row in csv_rows(path.read_bytes())]
            insert(con, "titles", rows)
    con.execute("""
        create table title_genres as
        select distinct title_id, trim(piece) as genre
        from (select title_id, unnest(string_split(genres, ',')) as piece from titles)
        where trim(piece) <> '';
        create table title_countries as
        select distinct title_id, trim(piece) as country
        from (select title_id, unnest(string_split(countries, ',')) as piece from titles)
        where trim(piece) <> '';
    """)


def catalogue_title(row, catalogue, offset):
    """A row of a public catalogue, repaired: running times out of the rating column."""
    rating, duration = row["rating"] or None, row["duration"]
    if not duration and rating and rating.endswith(" min"):
        rating, duration = None, rating
    number, _, unit = duration.partition(" ")
    is_film = row["type"] == "Movie"
    added = row["date_added"].strip()
    added_date = datetime.strptime(added, "%B %d, %Y") if added else None
    return (
        offset + int(row["show_id"].removeprefix("s")), catalogue, row["show_id"], row["title"],
        "movie" if is_film else "series", int(row["release_year"]), added_date, added_date,
        one_spelling(rating), int(number) or None if unit == "min" else None,
        int(number) if unit.startswith("Season") else None, None,
        row["listed_in"] or None, row["country"] or None, row["director"] or None)


def one_spelling(rating):
    """16, AGES_16_ and 16+ are one rating."""
    if rating is None:
        return None
    digits = rating.removeprefix("AGES_").removesuffix("_")
    return f"{digits}+" if digits.isdigit() else rating


def clean_sessions(con):
    """Sessions with the minutes that count, and the share of the film watched."""
    con.execute(f"""
        create table sessions as
        with newest as (
            select * from raw_sessions
            where user_id not in (from test_users)
            qualify row_number() over (partition by session_id order by created_at desc nulls last) = 1
        ), timed as (
            select n.*, t.duration_minutes as title_minutes,
                case when n.end_time >= n.start_time
                    then epoch(n.end_time)::bigint - epoch(n.start_time)::bigint end as session_seconds,
                u.user_id is not null as is_known_user, u.country as user_country
            from newest n left join titles t using (title_id) left join users u using (user_id)
        ), minutes as (
            select *, session_seconds // 60 as session_minutes from timed
        ), watched as (
            -- `least` would take the other where one is unknown
            select *, if(session_minutes > title_minutes, title_minutes, session_minutes) as watch_minutes,
                if(session_seconds is null or title_minutes is null, null,
                    six_digits(least(session_seconds, title_minutes * 60), title_minutes * 60))
                    as completion_ratio
            from minutes
        )
        select session_id, user_id, title_id, device_type, start_time as started_at,
            end_time as ended_at, start_time::date as day, month_of(start_time) as month,
            session_seconds, session_minutes, title_minutes, watch_minutes, completion_ratio,
            completion_ratio >= {COMPLETED_AT} as is_completed, is_known_user,
            user_country as country,
            (select max_by(s.plan, s.start_date) from subscriptions s
                where s.user_id = watched.user_id and s.start_date <= watched.start_time::date
                and (s.end_date is null or s.end_date > watched.start_time::date)) as plan
        from watched;
    """)


def clean_ratings(con):
    """Ratings of real users."""
    con.execute("""
        create table ratings as
        with newest as (
            select * from raw_ratings
            where user_id not in (from test_users)
            qualify row_number() over (partition by rating_id order by created_at desc nulls last) = 1
        )
        select r.rating_id, r.user_id, r.title_id, r.rating_date as rated_at, r.rating_date::date as day,
            month_of(r.rating_date) as month, r.rating_score,
            six_digits(r.rating_score - 1, 4)::decimal(5, 4) as rating_0_1,
            r.review_text, r.rating_date < u.joined_at as is_before_joining
        from newest r left join users u using (user_id);
    """)


def clean_interactions(con):
    """Interactions of known users, not from before they registered."""
    con.execute("""
        create table interactions as
        with newest as (
            select * from raw_interactions
            qualify row_number() over (partition by interaction_id order by created_at desc nulls last) = 1
        )
        select i.* exclude (created_at),
            i.interacted_at::date as day, month_of(i.interacted_at) as month,
            (select max_by(s.plan, s.start_date) from subscriptions s
                where s.user_id = i.user_id and s.start_date <= i.interacted_at::date
                and (s.end_date is null or s.end_date > i.interacted_at::date)) as plan
        from newest i join users u using (user_id)
        where i.interacted_at::date >= u.join_date;
        create table interaction_features as
        select distinct interaction_id, trim(piece) as feature
        from (select interaction_id, unnest(string_split(features, ',')) as piece from interactions)
        where trim(piece) <> '';
        -- everything that happens on a day; ends of subscriptions are plans, not events
        create table events as
        select join_date as day, 'joining' as event from users
        union all select start_date, 'subscription' from subscriptions
        union all select payment_date, 'payment' from payments
        union all select day, 'session' from sessions
        union all select day, 'rating' from ratings
        union all select day, 'interaction' from interactions;
    """)
