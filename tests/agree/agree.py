#!/usr/bin/env python3
"""Generated queries, asked of cinelake under many settings and of DuckDB.

agree.py CINELAKE-BINARY [--queries N | --seconds N] [--seed N] [--sessions N] [--lake FOLDER] [--only N]

Builds the project of the benches from generated data, some of it dirty, makes
queries of many shapes and asks each of DuckDB, on the files that were published,
and of cinelake under a few settings: other numbers of threads, small batches, all
filters pushed into the scan, little memory, without the optimizer's rules that
are our own. All rows have to be the same; answers that belong together have to
fit without DuckDB, too. A difference is made small, printed with its setting,
and ends it with 1; `--only` asks that query again. README.md says more.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import shapes  # noqa: F401
from answers import DuckDb
from binary import Binary, build
from cases import SHAPES
from report import Report
from search import Search
from settings import Settings


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seconds", type=float, help="as many queries as fit, in place of --queries")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--lake", type=Path, help="kept, and used again where it is there")
    parser.add_argument("--only", type=int, help="the query of this number alone")
    parser.add_argument("--shape", action="append", default=[], help="this shape alone; may be given again")
    parser.add_argument("--shapes", action="store_true", help="lists the shapes")
    parser.add_argument("--all-settings", action="store_true", help="asks each query under every setting")
    parser.add_argument("--no-shrink", action="store_true", help="leaves failing queries as they are")
    parser.add_argument("--strict", action="store_true", help="ends with 1 also where a query is red for no reason")
    parser.add_argument("--report", type=Path, help="writes a table by shape")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--verbose", action="store_true", help="prints the queries before they are asked")
    options = parser.parse_args()
    if not options.shapes and not options.binary:
        parser.error("the binary is missing")
    unknown = {*options.shape} - {*SHAPES}
    if unknown:
        parser.error(f"no such shape: {', '.join(sorted(unknown))}")
    return options


def main():
    options = arguments()
    if options.shapes:
        for shape in sorted(SHAPES.values(), key=lambda shape: (shape.family, shape.name)):
            print(
                f"{shape.family:12} {shape.name:32} {(shape.make.__doc__ or '').strip().splitlines()[:1] or ''}".replace("['", "").replace(
                    "']", ""
                )
            )
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        lake = options.lake or Path(scratch) / "lake"
        if not (lake / "_snapshots").is_dir():
            build(options.binary, lake, options.sessions)
        return run(options, lake)


def run(options, lake):
    began = time.monotonic()
    report, settings = Report(), Settings(options.binary, options.all_settings)
    binary = Binary(options.binary, lake)
    with ThreadPoolExecutor(options.jobs) as pool:
        search = Search(options, binary, DuckDb(lake), settings, report, pool)
        for block in blocks(options, began, search.block_size):
            search.ask(block)
        if not options.no_shrink:
            search.shrink_reds(min(120, options.seconds or 120))
    report.summary(len(settings.all()), time.monotonic() - began)
    report.by_family(SHAPES)
    if options.report:
        options.report.write_text(report.table())
    return 1 if report.differ or options.strict and report.red else 0


def blocks(options, began, size):
    """Numbers of queries, some at a time."""
    if options.only is not None:
        yield [options.only]
        return
    at = 0
    while time.monotonic() - began < options.seconds if options.seconds else at < options.queries:
        most = at + size if options.seconds else min(at + size, options.queries)
        yield range(at, most)
        at = most


if __name__ == "__main__":
    sys.exit(main())
