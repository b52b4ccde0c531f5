#!/usr/bin/env python3
"""A warehouse of eleven models, built by cinelake, by dbt and by plain DuckDB.

builds.py CINELAKE-BINARY [--sessions N] [--runs N] [--landing FOLDER] [--output TABLE.md]

From the same raw files: all of it, then after one percent new sessions of the
last month, then with nothing new. The models of `project` are cinelake's, those
of `dbt` dbt's; plain DuckDB runs the latter's SQL in one process, in order. dbt
and DuckDB are told which file is new and which month it changes, cinelake finds
out. At the end every mart has to be the same, floats to 1e-9; a difference ends
it with 1. Figures are medians of whole processes. Wants `dbt/requirements.txt`.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
THREADS = os.environ.get("PEERS_THREADS", "2")
# In the order of what reads what.
STAGED = ["stg_users", "stg_titles", "stg_subscriptions", "stg_sessions"]
MARTS = ["title_monthly", "user_monthly", "genre_by_country", "stickiness", "churn_risk", "retention", "mrr"]
STEPS = ["all of it", "1 % new", "nothing new"]
LAST_MONTH = "2025-12"
NEW = f"watch_sessions_{LAST_MONTH}_more_1.csv"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--landing", type=Path, help="kept, and used again where it is there")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--plain", nargs=3, metavar=("LANDING", "DATABASE", "STEP"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        return plain(*options.plain)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        landing = options.landing or scratch / "landing"
        generate(options, landing)
        times = {engine: {step: [] for step in STEPS} for engine in ENGINES}
        for run in range(options.runs):
            for engine, build in ENGINES.items():
                folder = scratch / engine.replace(" ", "_")
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                for step in STEPS:
                    (landing / NEW).unlink(missing_ok=True)
                    if step != STEPS[0]:
                        shutil.copy(landing.with_name(landing.name + ".new") / NEW, landing / NEW)
                    command, variables = build(options, landing, folder, step)
                    started = time.perf_counter()
                    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables)
                    times[engine][step].append(time.perf_counter() - started)
                    if done.returncode != 0:
                        sys.exit(f"{engine}, {step}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
                    print(f"{engine}, {step}: {times[engine][step][-1]:.2f} s", file=sys.stderr, flush=True)
        (landing / NEW).unlink()
        differences = compare(options, scratch)
    text = table(options, times)
    print(text)
    if options.output:
        options.output.write_text(text)
    for difference in differences:
        print(difference, file=sys.stderr)
    sys.exit(bool(differences))


def generate(options, landing):
    new = landing.with_name(landing.name + ".new")
    if new.is_dir():
        return
    landing.mkdir(parents=True, exist_ok=True)
    command = [options.binary, "-q", "generate", "--sessions", str(options.sessions), "--output"]
    if not (landing / "users.csv").is_file():
        subprocess.run([*command, str(landing)], check=True)
    new.mkdir()
    subprocess.run([*command, str(new), "--more", str(options.sessions // 100)], check=True)


def by_cinelake(options, landing, folder, _):
    project = ["--project", str(HERE / "project"), "--landing", str(landing), "--lake", str(folder / "lake")]
    return [options.binary, "-q", *project, "--threads", THREADS, "refresh"], {}


def by_dbt(_, landing, folder, __):
    said = f'{{landing: "{landing}", new_sessions: "{NEW}", from_month: "{LAST_MONTH}-01"}}'
    dbt = Path(sys.executable).with_name("dbt")
    folders = ["--project-dir", str(HERE / "dbt"), "--profiles-dir", str(HERE / "dbt")]
    written = ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    variables = {"PEERS_DATABASE": str(folder / "peers.duckdb"), "PEERS_THREADS": THREADS, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    return [str(dbt), "build", *folders, *written, "--vars", said], variables


def by_duckdb(options, landing, folder, step):
    return [sys.executable, __file__, options.binary, "--plain", str(landing), str(folder / "peers.duckdb"), step], {}


ENGINES = {"cinelake": by_cinelake, "dbt": by_dbt, "plain DuckDB": by_duckdb}


def plain(landing, file, step):
    """dbt's models, run by DuckDB in this process."""
    import duckdb
    from jinja2 import Environment

    if step == "nothing new":
        # Whoever runs the SQL by hand does not run it then.
        return
    database = duckdb.connect(file)
    database.execute(f"set threads = {THREADS}; set preserve_insertion_order = false; set TimeZone = 'UTC'")
    said = {"landing": landing, "new_sessions": NEW, "from_month": f"{LAST_MONTH}-01"}
    for model in [*STAGED, *MARTS]:
        settings = {}
        text = (HERE / "dbt" / "models" / f"{model}.sql").read_text()
        grows = step != STEPS[0] and "incremental" in text
        sql = Environment().from_string(text).render(
            config=lambda **given: settings.update(given) or "", var=said.get, ref=lambda name: name, this=model,
            is_incremental=lambda: grows)
        if not grows:
            database.execute(f"create or replace table {model} as {sql}")
            continue
        if settings.get("unique_key"):
            database.execute(f"delete from {model} where month >= date '{LAST_MONTH}-01'")
        database.execute(f"insert into {model} {sql}")
    database.close()


def compare(options, scratch):
    """What of the marts differs."""
    import duckdb

    def said(database, rows):
        columns = database.execute(f"describe select * from {rows}").fetchall()
        kinds = {name: kind for name, kind, *_ in columns}
        numbers = [name for name, kind in kinds.items() if re.match(r"DOUBLE|DECIMAL|.*INT", kind)]
        others = [name for name in kinds if name not in numbers]
        sums = [f"sum(cast({name} as double))" for name in sorted(numbers)]
        sums += [f"sum(hash(cast({name} as varchar)) % 1000003)" for name in sorted(others)]
        return database.execute(f"select count(*), {', '.join(sums)} from {rows}").fetchone()

    differences = []
    for mart in MARTS:
        file = scratch / f"{mart}.parquet"
        where = ["--project", str(HERE / "project"), "--lake", str(scratch / "cinelake" / "lake")]
        query = f"select * from gold.{mart}"
        subprocess.run([options.binary, "-q", *where, "sql", "-c", query, "-o", str(file)], check=True)
        own = said(duckdb.connect(), f"(select * replace ({times_as_text(file)}) from '{file}')" if times_as_text(file) else f"'{file}'")
        for engine in ("dbt", "plain_DuckDB"):
            with duckdb.connect(str(scratch / engine / "peers.duckdb"), read_only=True) as database:
                other = said(database, mart)
            close = len(own) == len(other) and all(abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1) for a, b in zip(own, other))
            if not close:
                differences.append(f"{mart} of {engine} differs: {other} instead of {own}")
    return differences


def times_as_text(file):
    """Times with a zone as those without, which the others store."""
    import duckdb

    columns = duckdb.sql(f"describe select * from '{file}'").fetchall()
    zoned = [name for name, kind, *_ in columns if kind == "TIMESTAMP WITH TIME ZONE"]
    return ", ".join(f"{name} at time zone 'UTC' as {name}" for name in zoned)


def table(options, times):
    lines = [
        f"{options.sessions:,} sessions, {date.today()}, {THREADS} threads; medians of {options.runs} in seconds", "",
        "| | " + " | ".join(ENGINES) + " | of dbt | of plain DuckDB |", "|---" * (len(ENGINES) + 3) + "|",
    ]
    for step in STEPS:
        medians = {engine: statistics.median(times[engine][step]) for engine in ENGINES}
        ratios = [medians["cinelake"] / medians["dbt"]]
        ratios += [medians["cinelake"] / medians["plain DuckDB"]] if step != STEPS[2] else []
        shown = [f"{medians[engine]:.2f}" if engine != "plain DuckDB" or step != STEPS[2] else "" for engine in ENGINES]
        lines.append(f"| {step} | " + " | ".join(shown + [f"{ratio:.3f}" for ratio in ratios] + [""] * (2 - len(ratios))) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
