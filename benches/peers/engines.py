"""The engines: each opens the published Parquet files and answers questions.

`open_engine(name, lake)` gives a function from a question's name to its rows, a
pyarrow table. All of them run on as many threads as `THREADS` says.
"""
import glob
import os
import re
import sys
from pathlib import Path

THREADS = int(os.environ.get("PEERS_THREADS", "2"))
HERE = Path(__file__).parent
TABLES = ["users", "titles", "subscriptions", "watch_sessions", "heartbeats"]
# The column by which a table's files are split.
SPLIT_BY = {"watch_sessions": "month", "heartbeats": "day"}

# What the questions' {placeholders} are in each dialect.
DIALECTS = {
    "duckdb": {
        "us": "epoch_us({0})",
        "date": "cast({0} as date)",
        "split": "unnest(string_split({0}, ', '))",
        "month": "cast(date_trunc('month', {0}) as date)",
        "months": "unnest(generate_series(date '{0}', date '{1}', interval 1 month))",
        "quantile": "percentile_cont({0}) within group (order by {1})",
        "first": "first({0} order by {1})",
        "last": "last({0} order by {1})",
        "visits": "(select {0}, min(moment) as started_at, max(moment) as ended_at, count(*) as events from (select *, sum(begins) over"
                  " (partition by {0} order by moment rows unbounded preceding) as visit from (select {0}, {2} as moment, case when epoch_us({2})"
                  " - epoch_us(lag({2}) over (partition by {0} order by {2})) <= {3}000000 then 0 else 1 end as begins from {1}) as e)"
                  " as b group by {0}, visit) as v",
    },
    "datafusion": {
        "us": "cast({0} as bigint)",
        "date": "cast({0} as date)",
        "split": "unnest(string_to_array({0}, ', '))",
        "month": "cast(date_trunc('month', {0}) as date)",
        "months": "unnest(generate_series(date '{0}', date '{1}', interval '1' month))",
        "quantile": "percentile_cont({0}) within group (order by {1})",
        "first": "first_value({0} order by {1})",
        "last": "last_value({0} order by {1})",
    },
    "chdb": {
        "us": "toUnixTimestamp64Micro(assumeNotNull({0}))",
        "date": "toDate32({0})",
        "split": "arrayJoin(splitByString(', ', assumeNotNull({0})))",
        "month": "toStartOfMonth({0})",
        "months": "arrayJoin(arrayMap(i -> addMonths(toDate32('{0}'), i), range(dateDiff('month', toDate32('{0}'), toDate32('{1}')) + 1)))",
        "quantile": "quantileExactInclusive({0})({1})",
    },
}
DIALECTS["cinelake"] = DIALECTS["marts"] = DIALECTS["datafusion"] | {
    "visits": "(select {0}, visit['started_at'] as started_at, visit['ended_at'] as ended_at, visit['events'] as events from"
              " (select {0}, unnest(sessionize({2}, interval '{3} seconds')) as visit from {1} group by {0}) as u) as v",
}
DIALECTS["duckdb tables"] = DIALECTS["duckdb"]


def questions():
    names = (path.name.removesuffix(".sql") for path in (HERE / "questions").glob("*.sql"))
    return sorted(name for name in names if "." not in name)


def question(name, engine):
    """The SQL of a question in an engine's dialect, or in its own words."""
    own = HERE / "questions" / f"{name}.{engine}.sql"
    text = (own if own.is_file() else HERE / "questions" / f"{name}.sql").read_text()
    text = words(text, engine)
    if engine == "cinelake":
        text = own_names(text)
    if engine == "chdb":
        # A date may begin before 1970 there; a lag without a value is null.
        text = re.sub(r"\b(lag|lead)\(month\)", r"\1(toNullable(month))", text)
        text = text.replace(" as double)", " as Nullable(Float64))").replace(" as int)", " as Int32)")
        text = re.sub(r"date '([^']+)'", r"toDate32('\1')", text)
    return text


def has_mart(name):
    """Whether a mart answers the question."""
    return (HERE / "questions" / f"{name}.marts.sql").is_file()


def words(text, engine):
    """The text with what its {placeholders} are in an engine's dialect."""
    known = DIALECTS[engine]

    def put(match):
        word, *values = match.group(1).split(":")
        return known[word].format(*values)

    return re.sub(r"\{([^}]+)\}", put, text)


def own_names(text):
    """The text with tables as cinelake names them."""
    tables = "|".join(TABLES)
    text = re.sub(rf"\b(from|join) ({tables}) as\b", r"\1 silver.\2 as", text)
    return re.sub(rf"\b(from|join) ({tables})\b", r"\1 silver.\2 as \2", text)


def files(lake, table):
    """A glob of the files that hold a table's rows."""
    deep = "*/*.parquet" if table in SPLIT_BY else "*.parquet"
    return f"{lake}/silver/{table}/{deep}"


def tables(lake):
    """The tables that have rows: a company may keep no heartbeats."""
    return [table for table in TABLES if glob.glob(files(lake, table))]


def duckdb_engine(lake, native=False):
    database = duckdb_database(lake, native)
    return lambda name: database.execute(question(name, "duckdb")).to_arrow_table()


def duckdb_database(lake, native=False):
    """DuckDB over the published files, or with tables of its own."""
    import duckdb

    database = duckdb.connect(f"{lake}.duckdb" if native else ":memory:")
    database.execute(f"set threads = {THREADS}; set preserve_insertion_order = false; set TimeZone = 'UTC'")
    for table in tables(lake):
        source = f"read_parquet('{files(lake, table)}', hive_partitioning = {table in SPLIT_BY})"
        if native:
            order = {"watch_sessions": " order by start_time", "heartbeats": " order by event_time"}.get(table, "")
            database.execute(f"create table if not exists {table} as select * from {source}{order}")
        else:
            database.execute(f"create view {table} as select * from {source}")
    return database


def datafusion_engine(lake):
    import datafusion
    import pyarrow as pa

    config = datafusion.SessionConfig().with_target_partitions(THREADS)
    context = datafusion.SessionContext(config)
    for table in tables(lake):
        by = [(SPLIT_BY[table], pa.date32())] if table in SPLIT_BY else []
        context.register_parquet(table, f"{lake}/silver/{table}/", table_partition_cols=by)

    def answer(name):
        frame = context.sql(question(name, "datafusion"))
        return pa.Table.from_batches(frame.collect(), schema=frame.schema())

    return answer


def chdb_engine(lake):
    import pyarrow as pa
    from chdb import session

    clickhouse = session.Session()
    clickhouse.query(f"set max_threads = {THREADS}")
    for table in tables(lake):
        by = SPLIT_BY.get(table)
        value = f", toDate32(extract(_path, '{by}=([0-9-]+)')) as {by}" if by else ""
        clickhouse.query(
            f"create view {table} as select *{value} from file('{files(lake, table)}', 'Parquet')"
            " settings use_hive_partitioning = 0"
        )

    def answer(name):
        settings = f" settings max_threads = {THREADS}, join_use_nulls = 1, session_timezone = 'UTC'"
        rows = clickhouse.query(question(name, "chdb") + settings, "ArrowStream")
        return pa.ipc.open_stream(pa.py_buffer(rows.bytes())).read_all()

    return answer


def polars_engine(lake):
    sys.path.insert(0, str(HERE))
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import in_polars

    return in_polars.answers(lake, files)


def open_engine(name, lake):
    return {
        "duckdb": duckdb_engine,
        "duckdb tables": lambda lake: duckdb_engine(lake, native=True),
        "datafusion": datafusion_engine,
        "chdb": chdb_engine,
        "polars": polars_engine,
    }[name](lake)
