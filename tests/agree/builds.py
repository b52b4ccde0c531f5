#!/usr/bin/env python3
"""Random models over random deliveries, recomputed from the raw files by DuckDB.

builds.py CINELAKE-BINARY [--projects N | --seconds N] [--seed N] [--only N]

Writes a small project with random models, delivers CSV files (new, late,
corrected, outdated, doubled, replaced), refreshes after each step, and compares
every table with what DuckDB makes of the raw files by the same SQL: keys and
versions are applied there, nothing of cinelake's bronze is read. `cinelake verify`
has to agree, too. A difference names its step and keeps the project's folder.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import dialect
from answers import Rows
from binary import answer
from compare import difference
from deliveries import SOURCES, Landing
from models import edited, random_models


class Wrong(Exception):
    """What went wrong in a project: the kind, then the words."""


class Build:
    """A project, its folder and its deliveries."""

    def __init__(self, binary, folder, seed, number):
        self.binary, self.folder = binary, folder
        self.chance = Random(f"{seed}/{number}")
        self.landing = Landing(self.chance)
        self.models = random_models(self.chance)
        self.sql = {model.name: model.sql for model in self.models}

    def write(self):
        rows = self.chance.choice(["", "[engine]\nby_rows_from = 0\n", "[engine]\nby_rows_from = 0\n"])
        self.put("cinelake.toml", rows)
        for source in SOURCES:
            self.put(f"queries/bronze/{source.name}.toml", source.contract())
        for model in self.models:
            self.put(f"queries/{model.name.replace('.', '/')}.sql", model.text(dialect.either(self.sql[model.name], 1)))

    def put(self, below, text):
        path = self.folder / below
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *arguments):
        try:
            done = subprocess.run(
                [self.binary, "-q", "--project", str(self.folder), *arguments], capture_output=True, text=True, timeout=120
            )
        except subprocess.TimeoutExpired:
            raise Wrong("died", f"{arguments[0]}: no end within 120 seconds") from None
        if done.returncode != 0:
            raise Wrong("refused", f"{arguments[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[:1500]}")
        return done.stdout

    def go(self, steps):
        """All steps; gives how many tables were compared."""
        self.landing.begin()
        self.write()
        compared = 0
        for step in range(steps):
            if step:
                self.landing.step()
                self.edit()
            self.deliver()
            self.run("refresh")
            compared += self.compare()
            self.run("verify")
        return compared

    def edit(self):
        """Sometimes a model changes, too."""
        if self.chance.random() < 0.15:
            model = self.chance.choice(self.models[3:])
            new = edited(self.chance, self.sql[model.name])
            if new != self.sql[model.name]:
                self.sql[model.name] = new
                self.put(f"queries/{model.name.replace('.', '/')}.sql", model.text(dialect.either(new, 1)))
                self.landing.story.append(f"{model.name} edited")

    def deliver(self):
        for name, lines in self.landing.files.items():
            path, text = self.folder / "lake/landing" / name, "\n".join(lines) + "\n"
            if path.is_file() and path.read_text() == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def compare(self):
        expected = self.recomputed()
        for model in self.models:
            found = answer(self.run("sql", "-f", "json", "-c", f"select * from {model.name}"))
            why = difference(expected[model.name], found)
            if why:
                raise Wrong("differs", f"{model.name}: {why}\n    {self.sql[model.name]}")
        return len(self.models)

    def recomputed(self):
        """Every table as DuckDB has it, from the raw files."""
        import duckdb

        database = duckdb.connect(":memory:")
        database.execute("set threads = 1; set TimeZone = 'UTC'; set default_null_order = 'nulls_last_on_asc_first_on_desc'")
        database.execute("create schema raw; create schema bronze; create schema silver; create schema gold")
        for source in SOURCES:
            columns = ", ".join(f"{name} varchar" for name in source.columns)
            database.execute(f"create table raw.{source.name} ({columns}, file integer, line integer)")
            names = sorted(name for name in self.landing.files if name.startswith(source.name))
            for number, name in enumerate(names):
                path = self.folder / "lake/landing" / name
                database.execute(
                    f"insert into raw.{source.name} select *, {number}, row_number() over () from read_csv('{path}', all_varchar = true,"
                    " header = true, nullstr = '')"
                )
            database.execute(f"create table bronze.{source.name} as {source.view()}")
        answers = {}
        for model in self.models:
            database.execute(f"create table {model.name} as {dialect.either(self.sql[model.name], 0)}")
            found = database.execute(f"select * from {model.name}")
            names = tuple(column[0].lower() for column in found.description)
            answers[model.name] = Rows(names, tuple(str(column[1]) for column in found.description), tuple(found.fetchall()))
        return answers


def one(options, number):
    """One project: what is wrong, if anything, and how many tables were compared."""
    folder = Path(tempfile.mkdtemp(prefix=f"builds-{options.seed}-{number}-"))
    build = Build(options.binary, folder, options.seed, number)
    try:
        compared = build.go(options.steps)
    except Wrong as wrong:
        kind, words = wrong.args
        return kind, f"{number} {kind}: {words}\n  after: {'; '.join(build.landing.story[-4:])}\n  project: {folder}", 0
    shutil.rmtree(folder)
    return None, "", compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--projects", type=int, default=20)
    parser.add_argument("--seconds", type=float, help="as many projects as fit, in place of --projects")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--only", type=int, help="the project of this number alone")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    options = parser.parse_args()
    options.binary = str(Path(options.binary).absolute())
    began, kinds, tables, projects = time.monotonic(), Counter(), 0, 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for group in groups(options, began):
            for kind, words, compared in pool.map(lambda number: one(options, number), group):
                projects, tables = projects + 1, tables + compared
                if kind:
                    kinds[kind] += 1
                    print(words, flush=True)
    wrong = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none that differ"
    print(f"{projects} projects, {options.steps} refreshes each, in {time.monotonic() - began:.0f} s: {tables} tables compared, {wrong}")
    return 1 if kinds else 0


def groups(options, began):
    if options.only is not None:
        yield [options.only]
        return
    at, size = 0, options.jobs * 2
    while time.monotonic() - began < options.seconds if options.seconds else at < options.projects:
        most = at + size if options.seconds else min(at + size, options.projects)
        yield range(at, most)
        at = most


if __name__ == "__main__":
    sys.exit(main())
