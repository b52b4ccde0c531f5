#!/usr/bin/env python3
"""cinelake beside DuckDB, Polars, chDB and vanilla DataFusion, on the same files.

peers.py CINELAKE-BINARY [--sessions N] [--questions q01,q02] [--engines …]
         [--runs N] [--lake FOLDER] [--output TABLE.md] [--guard TABLE.md]

Generates a company, lands and builds it with the binary, and asks every
question of every engine in turn: one process a question and engine, a run to
warm up and then `--runs` timed ones. All answers have to be the same (floats to
1e-9); a difference ends it with 1. Writes a table of medians, ratios and peak
memory. `--guard` compares the ratios to DuckDB with those of such a table: a
question that lost more than a fifth, also when it is asked again, ends it with 1.
"""
import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import engines

ALL = ["cinelake", "marts", "duckdb", "duckdb tables", "datafusion", "polars", "chdb"]
HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--questions", type=lambda text: text.split(","), default=engines.questions())
    parser.add_argument("--engines", type=lambda text: text.split(","), default=ALL)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lake", type=Path, help="kept, and used again where it is there")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--guard", type=Path, help="an earlier table")
    parser.add_argument("--one", nargs=3, metavar=("ENGINE", "QUESTION", "ANSWER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options)
    with tempfile.TemporaryDirectory() as scratch:
        lake = options.lake or Path(scratch) / "lake"
        built = build(options, lake)
        results = [ask(options, lake, Path(scratch), name) for name in options.questions]
        lost = guard(options, lake, Path(scratch), results) if options.guard else []
    text = table(options, built, results)
    print(text)
    if options.output:
        options.output.write_text(text)
    for loss in lost:
        print(loss, file=sys.stderr)
    sys.exit(bool(lost) or any(result["differs"] for result in results))


def guard(options, lake, scratch, results):
    """The questions that lost against DuckDB since the earlier table."""
    earlier = {}
    columns = []
    for line in options.guard.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "question":
            columns = cells
        elif columns and re.fullmatch(r"q\d\d", cells[0]):
            earlier[cells[0]] = float(cells[columns.index("of duckdb")])

    def ratio(result):
        own, duckdb = result.get("cinelake"), result.get("duckdb")
        return own["ms"] / duckdb["ms"] if own and duckdb else math.inf

    lost = []
    for at, result in enumerate(results):
        name = result["question"]
        if name not in earlier or ratio(result) <= earlier[name] * 1.2:
            continue
        # Once more: machines have their moods.
        results[at] = again = ask(options, lake, scratch, name)
        best = min(ratio(result), ratio(again))
        if best > earlier[name] * 1.2:
            lost.append(f"{name}: {best:.2f} of DuckDB's time, {earlier[name]:.2f} before")
    return lost


def build(options, lake):
    """The lake that everyone reads, from a generated company."""
    if (lake / "_snapshots").is_dir():
        return None
    landing = lake.with_name(lake.name + ".landing")
    if not (landing / "users.csv").is_file():
        landing.mkdir(parents=True, exist_ok=True)
        cinelake(options, "generate", "--heartbeats", "--sessions", str(options.sessions), "--output", str(landing))
    started = time.perf_counter()
    cinelake(options, "--landing", str(landing), "--lake", str(lake), "refresh")
    return time.perf_counter() - started


def cinelake(options, *args):
    command = [options.binary, "--project", str(HERE / "project"), *args]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stderr


def ask(options, lake, scratch, name):
    """Every engine's times for one question, and whether the answers agree."""
    result = {"question": name, "differs": []}
    first = None
    for engine in options.engines:
        if engine == "marts" and not engines.has_mart(name):
            continue
        answer = scratch / "answer.arrow"
        answer.unlink(missing_ok=True)
        try:
            if engine in ("cinelake", "marts"):
                times, memory = ask_cinelake(options, lake, scratch, name, engine, answer)
            else:
                times, memory = ask_peer(options, lake, engine, name, answer)
        except RuntimeError as error:
            print(f"{name} {engine}: {error}", file=sys.stderr, flush=True)
            result[engine] = None
            continue
        result[engine] = {"ms": statistics.median(times) * 1000, "mb": memory / 1e6}
        print(f"{name} {engine}: {statistics.median(times) * 1000:.0f} ms, {memory / 1e6:.0f} MB",
              file=sys.stderr, flush=True)
        rows = canonical(answer)
        if first is None:
            first = (engine, rows)
        elif problem := difference(first[1], rows):
            result["differs"].append(engine)
            print(f"{name}: {engine} differs from {first[0]}: {problem}", file=sys.stderr, flush=True)
    return result


def ask_cinelake(options, lake, scratch, name, engine, answer):
    file = scratch / f"{name}.sql"
    file.write_text(engines.question(name, engine))
    said = cinelake(
        options, "--lake", str(lake), "--threads", str(engines.THREADS), "sql", str(file),
        "--timing", "--repeat", str(options.runs + 1), "--format", "arrow", "--output", str(answer))
    lines = re.findall(r"planned in ([\d.]+) s, ran in ([\d.]+) s, at most ([\d,]+) MB held", said)
    times = [float(planned) + float(ran) for planned, ran, _ in lines]
    return times[1:], float(lines[-1][2].replace(",", "")) * 1e6


def ask_peer(options, lake, engine, name, answer):
    command = [sys.executable, __file__, options.binary, "--lake", str(lake), "--runs", str(options.runs),
               "--one", engine, name, str(answer)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-400:])
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return said["times"], said["memory"]


def one(options):
    """One question, asked of one peer in this process."""
    import pyarrow as pa

    engine, name, file = options.one
    answer = engines.open_engine(engine, str(options.lake))
    times, rows = [], None
    for _ in range(options.runs + 1):
        del rows
        started = time.perf_counter()
        rows = answer(name)
        times.append(time.perf_counter() - started)
    status = Path("/proc/self/status").read_text()
    memory = int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) * 1024
    with pa.ipc.new_stream(file, rows.schema) as writer:
        writer.write_table(rows)
    print(json.dumps({"times": times[1:], "memory": memory}))


def canonical(file):
    """An answer's columns as numbers or texts, rows in one order."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.ipc.open_stream(file).read_all()
    columns = []
    for column in rows.columns:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        elif pa.types.is_date32(kind):
            column = pc.multiply(column.cast(pa.int32()).cast(pa.int64()), 86_400_000_000)
        elif pa.types.is_uint16(kind):
            column = pc.multiply(column.cast(pa.int64()), 86_400_000_000)
        elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_string_view(kind):
            column = column.cast(pa.large_string())
        if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
            column = column.cast(pa.float64())
        elif pa.types.is_integer(column.type):
            column = column.cast(pa.int64())
        columns.append(column.combine_chunks().to_numpy(zero_copy_only=False))
    exact = [c for c in columns if c.dtype.kind != "f"]
    order = np.lexsort([c.astype(str) if c.dtype.kind == "O" else c for c in reversed(exact)]) if exact else slice(None)
    return [c[order] for c in columns]


def difference(one, other):
    import numpy as np

    if len(one) != len(other):
        return f"{len(other)} columns, not {len(one)}"
    for at, (left, right) in enumerate(zip(one, other)):
        if len(left) != len(right):
            return f"{len(right)} rows, not {len(left)}"
        if left.dtype.kind == "f" or right.dtype.kind == "f":
            left, right = left.astype(float), right.astype(float)
            same = np.isclose(left, right, rtol=1e-9, atol=1e-12, equal_nan=True)
        else:
            same = left == right
        if not same.all():
            row = int(np.argmin(same))
            return f"column {at + 1}, row {row + 1}: {right[row]}, not {left[row]}; {(~same).sum()} rows"
    return None


def table(options, built, results):
    def cell(result, engine):
        if engine not in result:
            return ""
        entry = result[engine]
        if entry is None:
            return "failed"
        return f"{entry['ms']:.0f} ({entry['mb']:.0f} MB)" + (" differs" if engine in result["differs"] else "")

    peers = [engine for engine in options.engines if engine not in ("cinelake", "marts")]
    lines = [
        f"{options.sessions:,} sessions, {date.today()}, {engines.THREADS} threads, {processor()}; "
        "medians in ms (peak memory)", "",
        "| question | " + " | ".join(options.engines) + " | of duckdb | of the fastest | marts of duckdb |",
        "|---" * (len(options.engines) + 4) + "|",
    ]
    of_duckdb = []
    for result in results:
        own = result.get("cinelake")
        ratios = {peer: own["ms"] / result[peer]["ms"] for peer in peers if own and result.get(peer)}
        mart, duckdb = result.get("marts"), result.get("duckdb")
        of_mart = f"{mart['ms'] / duckdb['ms']:.2f}" if mart and duckdb else ""
        fastest = max((ratio for peer, ratio in ratios.items() if peer != "duckdb tables"), default=math.nan)
        of_duckdb.append(ratios.get("duckdb", math.nan))
        lines.append(
            f"| {result['question']} | " + " | ".join(cell(result, engine) for engine in options.engines)
            + f" | {of_duckdb[-1]:.2f} | {fastest:.2f} | {of_mart} |")
    known = [ratio for ratio in of_duckdb if ratio == ratio]
    if known:
        mean = math.exp(sum(map(math.log, known)) / len(known))
        lines += ["", f"Geometric mean of the ratios to DuckDB: {mean:.3f}"]
    if built:
        lines += ["", f"Landing and building the lake: {built:.1f} s"]
    return "\n".join(lines) + "\n"


def processor():
    try:
        text = Path("/proc/cpuinfo").read_text()
        return re.search(r"model name\s*:\s*(.+)", text).group(1)
    except (OSError, AttributeError):
        return platform.machine()


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    main()
