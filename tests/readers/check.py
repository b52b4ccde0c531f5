#!/usr/bin/env python3
"""Opens every table of a small lake with other Delta readers.

check.py CINELAKE-BINARY

Builds a lake with the binary, then compares each table's rows, as the binary
answers them, with what the Python packages `deltalake` and (where its Delta
extension is at hand) `duckdb` read; and DuckDB's own Parquet reader over the
files that the Delta log names. Ends with 1 on any difference.
"""
import csv
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from deltalake import DeltaTable


def run(binary, project, *args):
    command = [binary, "--project", str(project), "-q", *args]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        run(binary, project, "init", str(project))
        run(binary, project, "generate", "--sessions", "3000", "--months", "3", "--dirty", "0.01")
        run(binary, project, "refresh")
        # A second publish, so that logs hold removes as well.
        run(binary, project, "refresh", "--full")
        snapshots = project / "lake/_snapshots"
        newest = max(snapshots.glob("*.json"), key=lambda p: int(p.stem))
        tables = json.loads(newest.read_text())["tables"]
        duck = duckdb.connect()
        has_delta = True
        try:
            duck.execute("load delta")
        except duckdb.Error:
            has_delta = False
        failures = 0
        for name, entry in tables.items():
            if "table" not in entry["kind"]:
                continue
            layer, table = name.split(".")
            root = project / "lake" / layer / table
            expected = int(next(csv.reader(io.StringIO(
                run(binary, project, "sql", "-f", "csv", "-c", f'select count(*) from {layer}."{table}"')
                .splitlines()[1])))[0])
            failures += check(name, root, entry["kind"]["table"]["version"], expected, duck, has_delta)
            failures += compare_columns(binary, project, layer, table, root)
        print(f"{len(tables)} tables, {failures} failures, DuckDB's delta extension: "
              f"{'used' if has_delta else 'not at hand, its Parquet reader was used'}")
        sys.exit(1 if failures else 0)


def check(name, root, version, expected, duck, has_delta):
    """Row counts in every reader."""
    table = DeltaTable(str(root))
    failures = 0
    if table.version() != version:
        print(f"{name}: the snapshot says Delta version {version}, the log {table.version()}")
        failures += 1
    counts = {"deltalake": table.to_pyarrow_dataset().count_rows()}
    files = table.file_uris()
    counts["duckdb parquet"] = (
        duck.execute("select count(*) from read_parquet(?)", [files]).fetchone()[0] if files else 0)
    if has_delta and files:
        counts["duckdb delta"] = duck.execute(f"select count(*) from delta_scan('{root}')").fetchone()[0]
    for reader, count in counts.items():
        if count != expected:
            print(f"{name}: {reader} reads {count} rows, cinelake {expected}")
            failures += 1
    return failures


def compare_columns(binary, project, layer, table, root):
    """Filled and different values of every column, in one query a table."""
    dataset = DeltaTable(str(root)).to_pyarrow_table()
    duck = duckdb.connect()
    duck.register("t", dataset)
    names = [field.name for field in dataset.schema]
    probes = [f'count("{name}"), count(distinct "{name}")' for name in names]
    theirs = duck.execute(f"select {', '.join(probes)} from t").fetchone()
    asked = [f'count("{name}") as f{i}, count(distinct "{name}") as d{i}' for i, name in enumerate(names)]
    answer = run(binary, project, "sql", "-f", "csv", "-c",
                 f'select {", ".join(asked)} from {layer}."{table}"').splitlines()[1]
    ours = [int(n) for n in answer.split(",")]
    failures = 0
    for i, name in enumerate(names):
        found, expected = tuple(ours[2 * i:2 * i + 2]), tuple(theirs[2 * i:2 * i + 2])
        if found != expected:
            print(f"{layer}.{table}.{name}: others read {expected}, cinelake {found}")
            failures += 1
    return failures


if __name__ == "__main__":
    main()
