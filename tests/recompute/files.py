"""Reads CSV files of any dialect met here, and fills tables."""

import csv
import io

import pyarrow


def csv_rows(content):
    """Rows of a CSV file as dictionaries: any line ends, byte-order mark, windows-1252."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("windows-1252")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = [name.strip() for name in rows[0]]
    return [dict(zip(header, row)) for row in rows[1:]]


def insert(con, table, rows):
    """Adds rows to a table."""
    columns = [row[0] for row in con.execute(f"describe {table}").fetchall()]
    con.register("rows_in", pyarrow.table([list(values) for values in zip(*rows)], names=columns))
    con.execute(f"insert into {table} from rows_in")
    con.unregister("rows_in")
