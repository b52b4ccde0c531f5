"""What an engine answers, and asking DuckDB; `binary.py` asks cinelake.

DuckDB reads the files that were published. It is set to PostgreSQL's order of
nulls, and interrupted when a query takes too long.
"""

import threading
from dataclasses import dataclass

import dialect


@dataclass(frozen=True)
class Rows:
    """An answer: names of columns where they are known, types where they are known, rows.

    `name` is the same for answers with the same rows in the same writing, in
    whatever order: what was compared once is not compared again.
    """

    names: tuple
    types: tuple
    rows: tuple
    name: int = 0


@dataclass(frozen=True)
class Refused:
    """An error in words."""

    message: str
    code: int = 1


@dataclass(frozen=True)
class Died:
    """A process that ended otherwise: panic, abort, no end in time."""

    message: str


class DuckDb:
    """The second opinion."""

    def __init__(self, lake, seconds=30):
        self.seconds = seconds
        self.database = dialect.engines.duckdb_database(lake) if lake else self.empty()
        self.database.execute(
            "set global default_null_order = 'nulls_last_on_asc_first_on_desc'; set global threads = 1; set global memory_limit = '4GB'"
        )

    @staticmethod
    def empty():
        import duckdb

        return duckdb.connect(":memory:", config={"TimeZone": "UTC"})

    def ask(self, text):
        import duckdb

        cursor = self.database.cursor()
        cursor.execute("set TimeZone = 'UTC'; set default_null_order = 'nulls_last_on_asc_first_on_desc'")
        watch = threading.Timer(self.seconds, cursor.interrupt)
        watch.daemon = True
        watch.start()
        try:
            found = cursor.execute(dialect.for_duckdb(text))
            names = tuple(column[0].lower() for column in found.description)
            types = tuple(str(column[1]) for column in found.description)
            return Rows(names, types, tuple(found.fetchall()))
        except (duckdb.Error, ValueError, OverflowError) as error:
            return Refused(str(error).split("\n\nLINE")[0])
        finally:
            watch.cancel()
            cursor.close()
