"""Random deliveries of CSV files: new, late, corrected, outdated, doubled and replaced rows.

Owns the landing folder of `builds.py`, the sources' contracts, and what counts in
them, said in DuckDB's words from the raw files: which rows are rejected, which row
of a key is current. It knows nothing of cinelake's bronze.
"""

from dataclasses import dataclass, field

MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-06"]


@dataclass(frozen=True)
class Source:
    """A source: its columns with their types, which must have a value, its key and version."""

    name: str
    columns: dict
    required: tuple
    key: str
    version: str = ""
    month: str = ""

    def contract(self):
        lines = [f'files = "{self.name}*"', f'key = ["{self.key}"]']
        lines += [f'version_by = "{self.version}"'] if self.version else []
        lines += [f'partition_by = {{ month = "{self.month}" }}'] if self.month else []
        lines.append("[columns]")
        for name, type_ in self.columns.items():
            required = ", required = true" if name in self.required else ""
            lines.append(f'{name} = {{ type = "{type_}"{required} }}')
        return "\n".join(lines) + "\n"

    def view(self):
        """The rows that count, in DuckDB, from its table `raw.<name>` of texts."""
        types = {"text": "varchar"}
        typed = ", ".join(f"try_cast({name} as {types.get(type_, type_)}) as {name}" for name, type_ in self.columns.items())
        fits = " and ".join(
            f"({name} is null or try_cast({name} as {types.get(type_, type_)}) is not null)" for name, type_ in self.columns.items()
        )
        present = " and ".join(f"{name} is not null" for name in self.required)
        order = ", ".join([f"{self.version} desc"] * bool(self.version) + ["file desc", "line desc"])
        month = f", cast(date_trunc('month', {self.month}) as date) as month" if self.month else ""
        return (
            f"select * exclude (place){month}, place = 1 as _current from (select *, row_number() over (partition by {self.key} order by"
            f" {order}) as place from (select {typed}, file, line from raw.{self.name} where {fits} and {present}))"
        )


EVENTS = Source(
    "events",
    {
        "event_id": "bigint",
        "day": "date",
        "user_id": "bigint",
        "title_id": "bigint",
        "minutes": "bigint",
        "price": "decimal(10,2)",
        "device": "text",
        "seen_at": "timestamp",
    },
    ("event_id", "day"),
    "event_id",
    "seen_at",
    "day",
)
TITLES = Source(
    "titles", {"title_id": "bigint", "genre": "text", "length": "bigint", "seen_at": "timestamp"}, ("title_id",), "title_id", "seen_at"
)
USERS = Source("users", {"user_id": "bigint", "country": "text", "joined": "date", "note": "text"}, ("user_id",), "user_id")
SOURCES = [EVENTS, TITLES, USERS]


@dataclass
class Landing:
    """What lies in the landing folder: lines by file, and what happened so far."""

    chance: object
    files: dict = field(default_factory=dict)
    story: list = field(default_factory=list)
    count: int = 0

    def begin(self):
        self.put("titles", [self.title(number) for number in range(1, 9)])
        self.put("users", [self.user(number) for number in range(1, 11)])
        for month in MONTHS[:3]:
            self.put("events", [self.event(self.next(), month) for _ in range(self.chance.randint(3, 14))])
        self.story.append("begin")

    def next(self):
        self.count += 1
        return self.count

    def put(self, source, rows, name=None):
        """A file of rows; numbers in names are in the order of delivery."""
        name = name or f"{source}_{self.next():06}.csv"
        self.files[name] = [",".join(next(s for s in SOURCES if s.name == source).columns), *rows]
        return name

    def version(self, year=2025):
        """A time that no row had before, later than all of its year."""
        at = self.next()
        return f"{year}-01-{1 + at // 86400:02} {at // 3600 % 24:02}:{at // 60 % 60:02}:{at % 60:02}"

    def event(self, number, month=None, year=2025):
        month = month or self.chance.choice(MONTHS)
        day = f"{month}-{self.chance.randint(1, 28):02}"
        device = self.chance.choice(["tv", "mobile", "", "web"])
        price = self.chance.choice(["", "0.00", "7.99", "14.99", "-3.50"])
        minutes = self.chance.choice(["", *map(str, range(0, 60, 7))])
        user, title = self.chance.choice([*range(1, 13), ""]), self.chance.choice([*range(1, 11), ""])
        return f"{number},{day},{user},{title},{minutes},{price},{device},{self.version(year)}"

    def title(self, number):
        return f"{number},{self.chance.choice(['drama', 'comedy', 'crime', ''])},{self.chance.choice(['', 60, 90, 120])},{self.version()}"

    def user(self, number):
        joined = f"2023-{self.chance.randint(1, 12):02}-15"
        return f"{number},{self.chance.choice(['DE', 'FR', 'JP', ''])},{joined},n{self.next()}"

    def known_event(self):
        lines = [line for name, rows in self.files.items() if name.startswith("events") for line in rows[1:] if line.count(",") == 7]
        return self.chance.choice(lines).split(",")[0] if lines else "1"

    def step(self):
        """One to three things happen."""
        for _ in range(self.chance.randint(1, 3)):
            what = self.chance.choice(
                [
                    self.new,
                    self.new,
                    self.late,
                    self.corrected,
                    self.corrected,
                    self.outdated,
                    self.doubled,
                    self.replaced,
                    self.titles,
                    self.users,
                    self.misfits,
                ]
            )
            self.story.append(what())

    def new(self):
        month = self.chance.choice(MONTHS)
        rows = [self.event(self.next(), month) for _ in range(self.chance.randint(1, 8))]
        return f"{self.put('events', rows)}: {len(rows)} events of {month}"

    def late(self):
        return f"{self.put('events', [self.event(self.next()) for _ in range(3)])}: late events of several months"

    def corrected(self):
        rows = [self.event(self.known_event()) for _ in range(self.chance.randint(1, 4))]
        return f"{self.put('events', rows)}: corrected events"

    def outdated(self):
        return f"{self.put('events', [self.event(self.known_event(), year=2020)])}: an outdated version"

    def doubled(self):
        row = self.event(self.next())
        return f"{self.put('events', [row, row])}: a row twice"

    def replaced(self):
        name = self.chance.choice([name for name in self.files if name.startswith(("events", "titles"))])
        source, rows = name.split("_")[0], self.files[name][1:]
        kept = [row for row in rows if self.chance.random() < 0.7]
        kept += [self.event(self.next()) if source == "events" else self.title(self.chance.randint(1, 9))]
        self.put(source, kept, name)
        return f"{name} replaced: {len(kept)} rows for {len(rows)}"

    def titles(self):
        return f"{self.put('titles', [self.title(self.chance.randint(1, 11)) for _ in range(2)])}: titles"

    def users(self):
        return f"{self.put('users', [self.user(self.chance.randint(1, 13)) for _ in range(2)])}: users"

    def misfits(self):
        rows = [self.event(self.next()) for _ in range(3)]
        rows.append(
            self.chance.choice(
                [
                    f"{self.next()},soon,1,1,1,1.00,tv,{self.version()}",
                    f"x,2024-01-01,1,1,1,1.00,tv,{self.version()}",
                    f"{self.next()},2024-01-01,1,1,many,1.00,tv,{self.version()}",
                ]
            )
        )
        return f"{self.put('events', rows)}: rows that do not fit"
