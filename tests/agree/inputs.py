"""What queries read: inputs of few rows that stand in the query, and the lake's tables.

Owns the values that columns hold, with their nulls, ties and extremes. Every
input has a column `id`, an integer that is never null and never twice, so that
orders can be total. The other columns have one type by name, see `TYPES`.
"""

from dataclasses import dataclass

TYPES = {
    "id": "int",
    "n": "int",
    "m": "int",
    "b": "big",
    "f": "double",
    "d": "decimal",
    "t": "text",
    "u": "text",
    "day": "date",
    "at": "timestamp",
    "ok": "bool",
}
SQL = {
    "int": "integer",
    "big": "bigint",
    "double": "double",
    "decimal": "decimal(10,2)",
    "text": "varchar",
    "date": "date",
    "timestamp": "timestamp",
    "bool": "boolean",
}
# Doubles are quarters, so that sums of them are exact in any order.
VALUES = {
    "int": ["-3", "-1", "0", "1", "1", "2", "2", "3", "5", "7", "100"],
    "big": ["-10", "0", "1", "2", "3", "4000000000", "-4000000000"],
    "double": ["-1.5", "-0.25", "0", "0.25", "0.5", "1", "1", "2.5", "100.75"],
    "decimal": ["-1.50", "0.00", "0.01", "0.99", "1.00", "1.50", "2.50", "9.99", "14.99", "100.00"],
    "text": ["", "a", "b", "ab", "abc", "A", "B", "x y", "ä", "zz", "10"],
    "date": ["2023-12-31", "2024-01-01", "2024-01-31", "2024-02-29", "2024-03-01", "2024-12-31", "1969-12-31", "1955-01-01"],
    "timestamp": [
        "2024-01-01 00:00:00",
        "2024-01-31 23:59:59.9",
        "2024-02-29 12:00:00",
        "2024-03-01 12:30:00",
        "2023-12-31 23:00:00.5",
        "1969-12-31 23:59:59",
        "1955-01-01 00:00:00",
        "2024-12-15 00:00:00.5",
    ],
    "bool": ["true", "false"],
}
EXTREMES = {
    "int": ["2147483647", "-2147483648", "0"],
    "big": ["9223372036854775807", "-9223372036854775808", "0"],
    "double": ["1e300", "-1e300", "1e-300", "0"],
    "decimal": ["99999999.99", "-99999999.99", "0.01"],
    "text": ["", "~~~~", "ÿÿ"],
    "date": ["0001-01-01", "9999-12-31", "1970-01-01"],
    "timestamp": ["1700-01-01 00:00:00", "2261-12-31 23:59:59.999999", "1970-01-01 00:00:00"],
    "bool": ["true", "false"],
}
# Columns of the lake's tables under the names that inputs have here.
TABLES = {
    "users": {"id": "user_id", "n": "user_id % 7", "t": "country", "u": "city", "day": "join_date"},
    "titles": {"id": "title_id", "n": "release_year", "m": "duration_minutes", "t": "title", "u": "genres"},
    "subscriptions": {"id": "subscription_id", "n": "user_id", "t": "plan", "day": "start_date", "m": "user_id % 5"},
    "watch_sessions": {
        "id": "session_id",
        "n": "user_id",
        "m": "title_id",
        "f": "round(completion_rate * 100) / 4",
        "t": "device_type",
        "day": "day",
        "at": "{cast(s.start_time as timestamp)|s.start_time}",
    },
}


@dataclass(frozen=True)
class Column:
    """A column as it is written, and its type."""

    name: str
    type: str


@dataclass(frozen=True)
class Input:
    """Something to select from: its text, without an alias, and its columns."""

    text: str
    names: tuple
    rows: int

    def columns(self, alias):
        return [Column(f"{alias}.{name}", TYPES[name]) for name in self.names]


class Inputs:
    """Makes inputs by chance."""

    def __init__(self, chance):
        self.chance = chance

    def any(self, needs=()):
        """An input of any kind that has the columns needed."""
        kind = self.chance.choice(["few"] * 5 + ["series"] * 2 + ["lake"] * 2 + ["none", "one", "nulls", "extremes"])
        if kind == "lake":
            fitting = [table for table, columns in TABLES.items() if {*needs} <= {*columns}]
            if fitting:
                return self.of_lake(self.chance.choice(fitting))
            kind = "few"
        if kind == "series":
            return self.series(self.chance.randint(10, 400), needs)
        rows = {"none": 0, "one": 1}.get(kind, self.chance.randint(2, 9))
        return self.rows(rows, self.names(needs), kind)

    def small(self, needs=(), rows=None):
        """An input of few rows."""
        kind = self.chance.choice(["few"] * 8 + ["none", "one", "nulls"])
        count = {"none": 0, "one": 1}.get(kind, self.chance.randint(2, 7))
        return self.rows(count if rows is None else rows, self.names(needs), kind)

    def names(self, needs):
        others = [name for name in TYPES if name != "id" and name not in needs]
        return ["id", *needs, *self.chance.sample(others, self.chance.randint(1, 3))]

    def rows(self, count, names, kind="few"):
        """Rows that stand in the query."""
        nulls = {"nulls": 1.0, "extremes": 0.1}.get(kind, self.chance.choice([0, 0.15, 0.4]))
        pool = EXTREMES if kind == "extremes" else VALUES
        cells = [[self.cell(name, at, pool, nulls) for name in names] for at in range(max(count, 1))]
        way = self.chance.choice([self.cast_outside, self.cast_inside, self.as_union])
        text = way(names, cells)
        if count == 0:
            text = f"(select * from {text} as nobody where nobody.id < 0)"
        return Input(text, tuple(names), count)

    def cell(self, name, at, pool, nulls):
        if name == "id":
            return str(at + 1)
        if self.chance.random() < nulls:
            return None
        return self.chance.choice(pool[TYPES[name]])

    def cast_outside(self, names, cells):
        rows = ", ".join("(" + ", ".join("null" if c is None else f"'{c}'" for c in row) + ")" for row in cells)
        casts = ", ".join(f"cast(v.v{at} as {SQL[TYPES[name]]}) as {name}" for at, name in enumerate(names))
        given = ", ".join(f"v{at}" for at in range(len(names)))
        return f"(select {casts} from (values {rows}) as v({given}))"

    def cast_inside(self, names, cells):
        rows = ", ".join("(" + ", ".join(literal(TYPES[n], c) for n, c in zip(names, row)) + ")" for row in cells)
        given = ", ".join(f"v{at}" for at in range(len(names)))
        named = ", ".join(f"v.v{at} as {name}" for at, name in enumerate(names))
        return f"(select {named} from (values {rows}) as v({given}))"

    def as_union(self, names, cells):
        rows = (", ".join(f"{literal(TYPES[n], c)} as {n}" for n, c in zip(names, row)) for row in cells)
        return "(" + " union all ".join(f"select {row}" for row in rows) + ")"

    def series(self, count, needs=()):
        """Numbers from one on, and what is computed of them."""
        a, b, c = (self.chance.randint(2, 11) for _ in range(3))
        known = {
            "id": "cast(g.i as integer)",
            "n": f"cast(case when g.i % {a} = 0 then null else g.i % {b} end as integer)",
            "m": f"cast(g.i % {c} as integer)",
            "b": f"cast(g.i * {a} % 97 as bigint)",
            "f": f"cast(g.i % {b} as double) / 4",
            "d": f"cast(g.i % {a} as decimal(10,2)) + 0.25",
            "t": f"case when g.i % {c} = 1 then null else concat('t', cast(g.i % {b} as varchar)) end",
            "u": f"concat('u', cast(g.i % {a} as varchar))",
            "day": f"cast(date '2024-01-01' + cast(g.i % {b * 9} as integer) as date)",
            "at": f"timestamp '2024-01-01 00:00:00' + cast(concat(cast(g.i * 7 % {b * 90} as varchar), ' hours') as interval)",
            "ok": f"g.i % {a} < {b}",
        }
        names = self.names(needs)
        columns = ", ".join(f"{known[name]} as {name}" for name in names)
        return Input(f"(select {columns} from generate_series(1, {count}) as g(i))", tuple(names), count)

    def of_lake(self, table):
        """Some rows of a table of the lake."""
        columns = TABLES[table]
        listed = ", ".join(f"s.{text} as {name}" if text.isidentifier() else f"{within(text)} as {name}" for name, text in columns.items())
        share = {"watch_sessions": self.chance.choice([31, 97, 97, 397, 397])}.get(table, self.chance.choice([1, 3]))
        where = f" where s.{columns['id']} % {share} = 0" if share > 1 else ""
        return Input(f"(select {listed} from {table} as s{where})", tuple(columns), 1000)


def within(text):
    """An expression over a table's columns, as of the alias s."""
    for name in ("user_id", "completion_rate"):
        text = text.replace(name, f"s.{name}")
    return text


def literal(type_, value):
    """A value of a type, or its null."""
    return f"cast({'null' if value is None else repr(value)} as {SQL[type_]})"
