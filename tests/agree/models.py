"""Random models of a small project, as the SQL files that cinelake builds.

Each is text that means the same in both engines, with a header that says by what
it is partitioned and what identifies a row. Models read the silver tables and
each other.
"""

from dataclasses import dataclass

EVENTS = ("month", "event_id", "day", "user_id", "title_id", "minutes", "price", "device")
MODELS = []


@dataclass(frozen=True)
class Model:
    """A table's name, its header and its query; `like_events` when it has the columns of events."""

    name: str
    sql: str
    grain: str
    by_month: bool = False
    like_events: bool = False
    view: bool = False

    def text(self, query):
        header = [f"-- Table {self.name}.", "--"]
        header += ["-- materialized: view"] * self.view + ["-- partition_by: month"] * self.by_month + [f"-- grain: {self.grain}"]
        return "\n".join([*header, query]) + "\n"


def model(make):
    """Registers a kind of model: a function of chance, a name and a table like events."""
    MODELS.append(make)
    return make


def given():
    """The silver tables that every project has."""
    return [
        Model("silver.events", f"select {', '.join(EVENTS)} from bronze.events where _current", "month, event_id", True, True),
        Model("silver.titles", "select title_id, genre, length from bronze.titles where _current", "title_id"),
        Model("silver.users", "select user_id, country, joined from bronze.users where _current", "user_id"),
    ]


def random_models(chance):
    """The models of a project, in an order in which they can be built."""
    made = given()
    for number in range(chance.randint(4, 8)):
        table = chance.choice([known for known in made if known.like_events]).name
        made.append(chance.choice(MODELS)(chance, f"gold.m{number}", table))
    return made


def condition(chance, alias="e"):
    return chance.choice(
        [
            f"{alias}.minutes > {chance.randint(0, 40)}",
            f"{alias}.device = 'tv'",
            f"{alias}.price is not null",
            f"{alias}.title_id % 3 = {chance.randint(0, 2)}",
            f"{alias}.day >= date '2024-02-0{chance.randint(1, 9)}'",
            f"({alias}.device <> 'web' or {alias}.minutes is null)",
            f"{alias}.user_id in (1, 2, 3, 5)",
            f"{alias}.month <> date '2024-02-01'",
        ]
    )


def totals(chance, alias="e"):
    some = [
        f"sum({alias}.minutes) as total",
        f"max({alias}.price) as dearest",
        f"min({alias}.day) as began",
        f"count(distinct {alias}.user_id) as people",
        f"sum({alias}.price) as paid",
        f"count({alias}.device) as devices",
        f"max({alias}.device) as device",
        f"count(*) filter (where {condition(chance, alias)}) as some",
        f"percentile_cont(0.5) within group (order by {alias}.minutes) as middle",
    ]
    return ", ".join(["count(*) as events", *chance.sample(some, chance.randint(1, 3))])


@model
def filtered(chance, name, table):
    columns = ", ".join(f"e.{column}" for column in EVENTS)
    return Model(
        name, f"select {columns} from {table} as e where {condition(chance)}", "month, event_id", True, True, chance.random() < 0.25
    )


@model
def by_month(chance, name, table):
    key = chance.choice(["title_id", "user_id", "device"])
    other = "'-'" if key == "device" else "-1"
    having = chance.choice(["", "", " having count(*) > 1", " having sum(e.minutes) > 20"])
    return Model(
        name,
        f"select e.month, coalesce(e.{key}, {other}) as k, {totals(chance)} from {table} as e group by e.month, coalesce(e.{key},"
        f" {other}){having}",
        "month, k",
        True,
    )


@model
def by_key(chance, name, table):
    return Model(
        name,
        f"select coalesce(e.user_id, -1) as user_id, {totals(chance)} from {table} as e where {condition(chance)} group by"
        " coalesce(e.user_id, -1)",
        "user_id",
    )


@model
def ranked(chance, name, table):
    by = chance.choice(["e.user_id", "e.title_id", "e.month", "e.month, e.device"])
    words = chance.choice(
        [
            "row_number() over (partition by {0} order by e.day, e.event_id)",
            "sum(e.minutes) over (partition by {0} order by e.day, e.event_id)",
            "lag(e.event_id) over (partition by {0} order by e.event_id)",
            "count(*) over (partition by {0})",
            "max(e.price) over (partition by {0} order by e.event_id rows between 1 preceding and 1 following)",
            "rank() over (partition by {0} order by e.minutes desc nulls last)",
        ]
    )
    return Model(name, f"select e.month, e.event_id, {words.format(by)} as w from {table} as e", "month, event_id", True)


@model
def first_of_each(chance, name, table):
    by, order = (
        chance.choice(["e.user_id", "e.title_id", "e.month"]),
        chance.choice(["e.day, e.event_id", "e.minutes desc nulls last, e.event_id", "e.event_id desc"]),
    )
    bound = chance.choice(["= 1", "<= 2"])
    return Model(
        name,
        f"select q.month, q.event_id, q.minutes, q.place from (select e.*, row_number() over (partition by {by} order by {order}) as place"
        f" from {table} as e) as q where q.place {bound}",
        "month, event_id",
        True,
    )


@model
def with_titles(chance, name, table):
    kind = chance.choice(["inner", "left"])
    return Model(
        name,
        f"select e.month, coalesce(t.genre, '-') as genre, {totals(chance)} from {table} as e {kind} join silver.titles as t on e.title_id"
        " = t.title_id group by e.month, coalesce(t.genre, '-')",
        "month, genre",
        True,
    )


@model
def with_users(chance, name, table):
    kind = chance.choice(["inner", "left"])
    return Model(
        name,
        f"select e.month, e.event_id, e.minutes, u.country, e.day - u.joined > 100 as old from {table} as e {kind} join silver.users as u"
        f" on e.user_id = u.user_id where {condition(chance)}".replace("e.day - u.joined > 100", "e.day > u.joined + interval '100 days'"),
        "month, event_id",
        True,
    )


@model
def users_with_totals(chance, name, table):
    """A left join with an aggregate; users without any have null."""
    return Model(
        name,
        "select u.user_id, u.country, t.events, coalesce(t.total, 0) as total from silver.users as u left join (select e.user_id, count(*)"
        f" as events, sum(e.minutes) as total from {table} as e where {condition(chance)} group by e.user_id) as t on u.user_id ="
        " t.user_id",
        "user_id",
    )


@model
def distinct_rows(chance, name, table):
    return Model(
        name,
        f"select distinct e.month, coalesce(e.user_id, -1) as user_id, coalesce(e.device, '-') as device from {table} as e",
        "month, user_id, device",
        True,
    )


@model
def two_parts(chance, name, table):
    """A union of two parts that differ in their condition."""
    one, other = condition(chance), condition(chance)
    part = "select e.month, '{0}' as part, e.event_id, e.{1} as v from {2} as e where {3}"
    first, second = chance.choice([("minutes", "minutes"), ("title_id", "user_id"), ("user_id", "minutes")])
    return Model(
        name, f"{part.format('a', first, table, one)} union all {part.format('b', second, table, other)}", "month, part, event_id", True
    )


@model
def two_groups(chance, name, table):
    one, other = condition(chance), condition(chance)
    part = "select e.month, '{0}' as part, count(*) as events, sum(e.minutes) as total from {1} as e where {2} group by e.month"
    return Model(name, f"{part.format('a', table, one)} union all {part.format('b', table, other)}", "month, part", True)


@model
def ends_of_each(chance, name, table):
    by = chance.choice(["e.day, e.event_id", "e.event_id desc", "e.minutes nulls first, e.event_id"])
    return Model(
        name,
        f"select coalesce(e.title_id, -1) as title_id, {{first|first_value}}(e.device order by {by}) as first_device,"
        f" {{last|last_value}}(e.minutes order by {by}) as last_minutes from {table} as e group by coalesce(e.title_id, -1)",
        "title_id",
    )


@model
def left_out(chance, name, table):
    """Events whose title is not in a list, or of users that do not exist."""
    test = chance.choice(
        [
            "e.title_id not in (select t.title_id from silver.titles as t where t.genre = 'drama')",
            "not exists (select 1 from silver.users as u where u.user_id = e.user_id)",
            "e.title_id not in (select nullif(t.title_id, 3) from silver.titles as t)",
            "exists (select 1 from silver.titles as t where t.title_id = e.title_id and t.length > 60)",
            f"e.event_id not in (select o.event_id from {table} as o where o.minutes > 20)",
            "e.title_id in (select t.title_id from silver.titles as t where t.length is null)",
        ]
    )
    columns = ", ".join(f"e.{column}" for column in EVENTS)
    return Model(name, f"select {columns} from {table} as e where {test}", "month, event_id", True, True)


@model
def with_itself(chance, name, table):
    link = chance.choice(
        [
            "o.user_id = e.user_id and o.event_id < e.event_id",
            "o.title_id = e.title_id and o.month = e.month and o.event_id <> e.event_id",
            "o.user_id = e.user_id and o.day <= e.day",
        ]
    )
    return Model(
        name,
        f"select e.month, e.event_id, count(o.event_id) as others, max(o.minutes) as most from {table} as e left join {table} as o on"
        f" {link} group by e.month, e.event_id",
        "month, event_id",
        True,
    )


@model
def running_totals(chance, name, table):
    frame = chance.choice(["", " rows between 1 preceding and current row", " rows between unbounded preceding and unbounded following"])
    return Model(
        name,
        f"select t.month, t.events, sum(t.total) over (order by t.month{frame}) as so_far, lag(t.events) over (order by t.month) as before"
        f" from (select e.month, count(*) as events, sum(e.minutes) as total from {table} as e group by e.month) as t",
        "month",
        True,
    )


@model
def compared_with_all(chance, name, table):
    """Each month beside a scalar of the whole table."""
    return Model(
        name,
        f"select e.month, count(*) as events, (select count(*) from {table} as a where {condition(chance, 'a')}) as of_all from {table} as"
        " e group by e.month",
        "month",
        True,
    )


@model
def in_both(chance, name, table):
    word = chance.choice(["intersect", "except"])
    part = "select e.month, coalesce(e.user_id, -1) as user_id from {} as e where {}"
    return Model(name, f"{part.format(table, condition(chance))} {word} {part.format(table, condition(chance))}", "month, user_id", True)


def edited(chance, sql):
    """A model's text with a constant changed, or the same where there is none."""
    for old, new in chance.sample(
        [
            ("> 20", "> 10"),
            ("= 'tv'", "= 'web'"),
            ("<= 2", "= 1"),
            ("inner join", "left join"),
            ("union all", "union all"),
            ("> 1", "> 2"),
            ("(1, 2, 3, 5)", "(1, 4)"),
        ],
        7,
    ):
        if old in sql and old != new:
            return sql.replace(old, new, 1)
    return sql
