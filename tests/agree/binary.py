"""Asking cinelake: several statements a process where it can, else one.

Owns what its output means. A process that dies takes its batch with it; the
batch's statements are then asked one by one.
"""

import json
import re
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

import dialect
from answers import Died, Refused, Rows

BATCH = 50
SECONDS = 120


class Binary:
    """The program, its project and its lake."""

    def __init__(self, path, lake, seconds=SECONDS):
        self.command = [path, "-q", "--project", str(dialect.PEERS / "project"), "--lake", str(lake)]
        self.seconds = seconds
        told = subprocess.run([path, "sql", "--help"], capture_output=True, text=True)
        self.in_batches = "--keep-going" in told.stdout

    def ask(self, texts, setting):
        """The answer to each text."""
        written = [dialect.for_cinelake(text) for text in texts]
        if len(written) > 1 and self.in_batches:
            answers = self.ask_batch(written, setting)
            if answers:
                return answers
        return [self.ask_one(text, setting) for text in written]

    def ask_one(self, text, setting):
        done = self.run(["sql", "-f", "json", "-c", text], setting)
        if isinstance(done, Died):
            return done
        if done.returncode in (0, 1, 2, 3):
            return answer(done.stdout) if done.returncode == 0 else Refused(words(done.stderr), done.returncode)
        return Died(f"exit code {done.returncode}: {done.stderr.strip()[-600:]}")

    def ask_batch(self, texts, setting):
        """The answers of one process, or none where it did not come to its end."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
            file.write(";\n".join(texts) + ";\n")
            file.flush()
            done = self.run(["sql", "--keep-going", "-f", "json", file.name], setting)
        if isinstance(done, Died) or done.returncode not in (0, 1, 2, 3):
            return None
        lines = done.stdout.split("\n")[: len(texts)]
        if len(lines) < len(texts) or done.stdout.count("\n") != len(texts):
            return None
        messages = errors(done.stderr)
        try:
            return [Refused(words(messages.get(at, "no message"))) if line == "null" else answer(line) for at, line in enumerate(lines, 1)]
        except ValueError:
            return None

    def run(self, arguments, setting):
        command = [*self.command, *setting.arguments, *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, env=setting.environment(), timeout=self.seconds)
        except subprocess.TimeoutExpired:
            return Died(f"no end within {self.seconds} seconds")

    def refresh(self, landing):
        done = subprocess.run([*self.command, "--landing", str(landing), "refresh"], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)


def words(text):
    """An error without the name of the file that was asked."""
    return re.sub(r"/\S+\.sql(:\d+)*: ", "", text.strip())


def errors(text):
    """What stderr says of each statement, by its number."""
    found, at = {}, 0
    for line in text.split("\n"):
        begins = re.match(r"statement (\d+):?\s*(.*)", line)
        if begins:
            at, line = int(begins.group(1)), begins.group(2)
        if at and line.strip():
            found[at] = (found.get(at, "") + "\n" + line).strip()
    return found


def answer(text):
    """Rows of a JSON array of objects; columns stay under their names."""
    text = text.strip()
    rows = json.loads(text or "[]", parse_float=Decimal)
    names = tuple(name.lower() for name in rows[0]) if rows else ()
    return Rows(
        names, (), tuple({name.lower(): value for name, value in row.items()} for row in rows), hash(tuple(sorted(text[2:-2].split("},{"))))
    )


def build(path, lake, sessions):
    """A lake of generated data, some of it dirty."""
    landing = Path(f"{lake}.landing")
    landing.mkdir(parents=True)
    command = [path, "-q", "generate", "--heartbeats", "--dirty", "0.01", "--sessions", str(sessions), "--output", str(landing)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    Binary(path, lake).refresh(landing)
