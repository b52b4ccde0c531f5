#!/usr/bin/env python3
"""Recomputes every gold mart from the raw files and compares it with what a lake publishes.

recompute.py CINELAKE-BINARY PROJECT DATA-SET RAW-FOLDER
recompute.py CINELAKE-BINARY PROJECT --all DATA-ROOT

The recomputation knows the definitions and the raw CSV files, not the models:
`sources` reads and cleans the files; `revenue`, `engagement`, `viewing`,
`members`, `catalogues`, `platforms` and `interactions` hold one function a
mart, named like it. The lake is built by the binary in a temporary folder. Rows are matched by their
key; whole numbers, decimals, dates and texts must be equal, floating-point
numbers to 1e-9 of their size. Differences are printed with table, key, column
and both values. Ends with 1 when there are any, when gold has a table that is
not known here, or lacks one that is. The last line says how much was compared.
"""

import csv
import io
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True  # no compiled files beside the sources

import catalogues  # noqa: F401  (each import fills the list of marts)
import engagement  # noqa: F401
import interactions  # noqa: F401
import invented
import members  # noqa: F401
import platforms  # noqa: F401
import revenue  # noqa: F401
import viewing  # noqa: F401
from marts import MARTS
from sources import read_sources

# Tables of gold that are not recomputed, each with its reason.
LEFT_OUT = {}

# Data sets, with the folder of each below the data root; two more are made up.
REAL = ("movie_streaming", "streamflix", "ott", "wowcinema")
GENERATED_SESSIONS = 200_000

# Tables that the binary writes at one time.
AT_ONCE = 2

# Differences of one column that are printed before the rest is only counted.
SHOWN = 5

# Families of types, expected and found, that can be compared. A ratio may be published as a decimal of
# many digits; what is reckoned here as a whole number or a decimal must never be published as a float.
SAME = ("whole", "decimal", "float", "VARCHAR", "DATE", "TIMESTAMP", "BOOLEAN")
COMPARABLE = {(one, one) for one in SAME} | {
    ("whole", "decimal"), ("decimal", "whole"), ("float", "decimal")}

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


class Lake:
    """A lake built from a landing folder, asked through the binary."""

    def __init__(self, binary, project, raw, folder):
        self.binary = binary
        self.environment = dict(os.environ, CINELAKE_LANDING=str(raw), CINELAKE_LAKE=str(folder))
        self.no_project = Path(folder).parent / "no_project"
        (self.no_project / "queries").mkdir(parents=True)
        self.run(project, "refresh")

    def run(self, project, *arguments):
        """What the binary prints; ends the recomputation when it fails."""
        command = [self.binary, "--project", str(project), "-q", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def query(self, sql):
        """The rows of an answer, as texts. Needs no model, and is quicker without reading them."""
        return list(csv.reader(io.StringIO(self.run(self.no_project, "sql", "-f", "csv", "-c", sql))))[1:]

    def gold(self):
        """Tables of gold with their columns."""
        tables = defaultdict(list)
        for table, column in self.query("select table_name, column_name from information_schema.columns "
                                        "where table_schema = 'gold' order by table_name"):
            tables[table].append(column)
        return tables

    def filled(self, tables):
        """Which of the tables have rows."""
        counts = " union all ".join(f"select '{table}', count(*) from gold.{table}" for table in tables)
        return {table for table, rows in self.query(counts) if rows != "0"}

    def dump(self, table, file):
        """Writes a table into a Parquet file."""
        self.run(self.no_project, "--threads", "1", "sql", "-c", f"select * from gold.{table}",
                 "--format", "parquet", "--output", str(file))
        return file


class Comparison:
    """What was compared of one data set, and what differed."""

    def __init__(self, name):
        self.name, self.tables, self.cells, self.differences = name, 0, 0, 0

    def differs(self, table, what, key="", column=""):
        self.differences += 1
        print(" | ".join(str(part) for part in (f"{self.name}: gold.{table}", key, column, what) if part))


def compare_data_set(name, raw, lake, folder):
    """Compares every table of gold of one data set's lake."""
    sources = read_sources(raw)
    comparison = Comparison(name)
    published = lake.gold()
    for table in sorted(published.keys() - MARTS.keys() - LEFT_OUT.keys()):
        comparison.differs(table, "is not known to the recomputation")
    for table in sorted((MARTS.keys() | LEFT_OUT.keys()) - published.keys()):
        comparison.differs(table, "is not published")
    both = sorted(published.keys() & MARTS.keys())
    filled = lake.filled(both)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        files = {table: pool.submit(lake.dump, table, Path(folder) / f"{table}.parquet") for table in filled}
        for table in both:
            if table in files:
                read_published(sources.con, files[table].result())
            else:
                make_empty(sources.con, published[table])
            compare_table(sources, MARTS[table], comparison)
    return comparison


def read_published(con, file):
    """The published table as `found`."""
    con.execute(f"create or replace temp table found as from read_parquet('{file}')")


def make_empty(con, columns):
    """An empty published table as `found`: what counts of it is the names of its columns."""
    con.execute("create or replace temp table found as select "
                + ", ".join(f'null as "{column}"' for column in columns) + " limit 0")


def compare_table(sources, mart, comparison):
    """Compares one published table, `found`, with its recomputation."""
    con = sources.con
    con.execute(f"create or replace temp table expected as {mart.recompute(sources)}")
    found, expected = columns_of(con, "found"), columns_of(con, "expected")
    for column in sorted(found.keys() - expected.keys() - mart.not_compared.keys()):
        comparison.differs(mart.name, "is not known to the recomputation", column=column)
    for column in sorted(expected.keys() - found.keys()):
        comparison.differs(mart.name, "is not published", column=column)
    if not set(mart.key) <= found.keys() & expected.keys():
        return comparison.differs(mart.name, f"lacks its key {mart.key}")
    keys = ", ".join(f'"{k}"' for k in mart.key) or "1"
    for side in ("found", "expected"):
        rows, different = con.execute(
            f"select count(*), count(distinct ({keys})) from {side}").fetchone()
        if rows != different:
            return comparison.differs(mart.name, f"the rows {side} are not unique", key=keys)
    both = [c for c in found if c in expected and c not in mart.not_compared]
    join_sides(con, mart.key, both)
    compare_rows(con, mart, comparison)
    rows = con.execute("select count(*) from found").fetchone()[0]
    for column in both if rows else ():
        if column not in mart.key:
            compare_column(con, mart, column, expected[column], found[column], comparison)
    comparison.tables += 1
    comparison.cells += rows * len(both)


def columns_of(con, table):
    """Names and types of a table's columns; instants count as times without a zone."""
    types = {row[0]: row[1] for row in con.execute(f"describe {table}").fetchall()}
    for column, kind in types.items():
        if kind == "TIMESTAMP WITH TIME ZONE":
            con.execute(f"""alter table {table} alter "{column}" type timestamp
                using ("{column}" at time zone 'UTC')""")
            types[column] = "TIMESTAMP"
    return types


def join_sides(con, key, columns):
    """One row a key, with the values of both sides."""
    matched = " and ".join(f'e."{k}" is not distinct from f."{k}"' for k in key) or "true"
    key_text = " || ', ' || ".join(
        f"'{k}=' || coalesce(coalesce(e.\"{k}\", f.\"{k}\")::varchar, 'null')" for k in key) or "'the row'"
    values = "".join(f', e."{c}" as "e_{c}", f."{c}" as "f_{c}"' for c in columns)
    con.execute(f"""create or replace temp table sides as
        select {key_text} as key, e.is_there as is_expected, f.is_there as is_found {values}
        from (select *, true as is_there from expected) e
        full join (select *, true as is_there from found) f on {matched}""")


def compare_rows(con, mart, comparison):
    """Rows that only one side has."""
    for side, where in (("expected, not found", "is_found is null"),
                        ("found, not expected", "is_expected is null")):
        rows = con.execute(f"select key from sides where {where} order by key").fetchall()
        for (key,) in rows[:SHOWN]:
            comparison.differs(mart.name, f"row {side}", key=key)
        count_rest(comparison, mart.name, rows, f"rows {side}")


def compare_column(con, mart, column, expected, found, comparison):
    """Values of one column in the rows that both sides have."""
    if (family(expected), family(found)) not in COMPARABLE:
        return comparison.differs(mart.name, f"is {expected} here and {found} there", column=column)
    e, f = f'"e_{column}"', f'"f_{column}"'
    differs = f"{e} is distinct from {f}"
    if family(expected) == "float":
        f = f"{f}::double"
        differs = f"""case when {e} is null or {f} is null or not isfinite({e}) or not isfinite({f})
            then {e} is distinct from {f} else abs({e} - {f}) > 1e-9 * greatest(abs({e}), abs({f})) end"""
    rows = con.execute(f"""select key, {e}::varchar, {f}::varchar from sides
        where is_expected and is_found and {differs} order by key""").fetchall()
    for key, ours, theirs in rows[:SHOWN]:
        comparison.differs(mart.name, f"expected {ours}, found {theirs}", key=key, column=column)
    count_rest(comparison, mart.name, rows, f"values of {column} differ")


def count_rest(comparison, table, rows, what):
    """The differences that are not printed one by one."""
    if len(rows) > SHOWN:
        comparison.differences += len(rows) - SHOWN
        print(f"{comparison.name}: gold.{table} | … {len(rows):,} {what} in all")


def family(kind):
    """Kinds of numbers that may be compared with each other."""
    if kind in WHOLE:
        return "whole"
    return "decimal" if kind.startswith("DECIMAL") else "float" if kind in ("DOUBLE", "FLOAT") else kind


def generate(binary, project, folder):
    """Made-up sessions of the same shape as the real data set B."""
    raw = Path(folder) / "generated"
    subprocess.run([binary, "--project", str(project), "-q", "generate", "--sessions",
                    str(GENERATED_SESSIONS), "--output", str(raw)], check=True)
    return raw


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    binary, project, name, root = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as builder:
        sets = {name: Path(root)}
        if name == "--all":
            sets = {real: Path(root) / real for real in REAL}
            sets["invented"] = invented.write(Path(folder) / "invented")
            sets["generated"] = generate(binary, project, folder)
        places = {name: Path(folder) / f"of_{name}" for name in sets}
        # The next lake is built while one is compared.
        lakes = {name: builder.submit(Lake, binary, project, raw, places[name] / "lake")
                 for name, raw in sets.items()}
        done = [compare_data_set(name, raw, lakes[name].result(), places[name]) for name, raw in sets.items()]
    differences = sum(one.differences for one in done)
    print("; ".join(f"{one.name}: {one.tables} tables, {one.cells:,} cells" for one in done)
          + f"; {differences:,} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
