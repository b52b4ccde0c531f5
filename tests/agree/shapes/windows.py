"""Windows: frames, functions, named and extended windows, nulls ignored, ranks, first rows."""

from cases import query, shape
from expressions import Expressions, named

BOUNDS = ["unbounded preceding", "2 preceding", "1 preceding", "current row", "1 following", "3 following", "unbounded following"]
ORDERS = [
    "{0}.id",
    "{0}.id desc",
    "{0}.n, {0}.id",
    "{0}.n desc nulls last, {0}.id",
    "{0}.n nulls first, {0}.id desc",
    "{0}.m desc, {0}.id",
    "{0}.t, {0}.id",
]


def order(maker, alias="x"):
    """A total order."""
    return maker.pick(ORDERS).replace("{0}", alias)


def frame(maker, unit):
    start, end = sorted(maker.chance.sample(range(len(BOUNDS)), 2))
    if start == len(BOUNDS) - 1:
        start = 0
    if end == 0:
        end = 3
    return f"{unit} between {BOUNDS[start]} and {BOUNDS[end]}"


def partition(maker, alias="x"):
    return maker.pick(
        ["", f"partition by {alias}.n ", f"partition by {alias}.m ", f"partition by {alias}.t ", f"partition by {alias}.n, {alias}.t "]
    )


def over_window(maker, function, type_, over, a, extra=()):
    rest = [("x.id", "int"), ("x.n", "int"), *extra]
    return query(
        f"select {named(text for text, _ in rest)}, {function} over {over} as c{len(rest)} from {a.text} as x",
        [t for _, t in rest] + [type_],
    )


def aggregate(maker, columns):
    made = Expressions(maker.chance, columns)
    return maker.pick(
        [
            ("sum(x.m)", "int"),
            ("count(*)", "int"),
            ("count(x.m)", "int"),
            ("min(x.m)", "int"),
            ("max(x.t)", "text"),
            ("sum(x.f)", "double"),
            ("min(x.f)", "double"),
            ("max(x.id)", "int"),
            (f"sum({made.of('int', 1)})", "int"),
            (f"count(*) filter (where {made.condition(0)})", "int"),
            ("avg(cast(x.m as double))", "double"),
            ("{first|first_value}(x.m)", "int"),
            ("last_value(x.t)", "text"),
            ("nth_value(x.m, 2)", "int"),
        ]
    )


@shape("windows", base=True, weight=2)
def window_rows(maker):
    a = maker.inputs.any(["n", "m", "t", "f"])
    function, type_ = aggregate(maker, a.columns("x"))
    function = function.replace("{first|first_value}", "first_value")
    return over_window(maker, function, type_, f"({partition(maker)}order by {order(maker)} {frame(maker, 'rows')})", a)


@shape("windows", base=True)
def window_groups(maker):
    a = maker.inputs.any(["n", "m", "t", "f"])
    function, type_ = maker.pick(
        [("sum(x.m)", "int"), ("count(*)", "int"), ("max(x.t)", "text"), ("min(x.f)", "double"), ("count(x.n)", "int")]
    )
    by = maker.pick(["x.n", "x.m desc", "x.n nulls first", "x.t", "x.n, x.m"])
    return over_window(maker, function, type_, f"({partition(maker)}order by {by} {frame(maker, 'groups')})", a)


@shape("windows", base=True)
def window_range(maker):
    """Range frames by a number or a day, and with peers."""
    a = maker.inputs.any(["n", "m", "day"])
    function, type_ = maker.pick([("sum(x.id)", "int"), ("count(*)", "int"), ("max(x.m)", "int"), ("count(x.day)", "int")])
    number = (
        f"range between {maker.pick(['unbounded preceding', '2 preceding', '0 preceding'])} and"
        f" {maker.pick(['current row', '1 following', 'unbounded following'])}"
    )
    days = (
        f"range between interval '{maker.chance.randint(0, 40)} days' preceding and"
        f" {maker.pick(['current row', 'interval {}'.format(repr('10 days')) + ' following'])}"
    )
    over = maker.pick(
        [
            f"order by x.m {number}",
            f"order by x.id {number}",
            f"order by x.day {days}",
            "order by x.n",
            "order by x.n desc",
            "order by x.t, x.m" if "t" in a.names else "order by x.m",
            "",
            f"order by x.n nulls last range between unbounded preceding and {maker.pick(['current row', 'unbounded following'])}",
        ]
    )
    by = maker.pick(["", "partition by x.n "])
    return over_window(maker, function, type_, f"({by}{over})", a)


@shape("windows", base=True, weight=2)
def window_neighbours(maker):
    """Lead, lag, first, last, nth, with and without nulls, by any frame."""
    a = maker.inputs.any(["n", "m", "t"])
    ignore = maker.pick([True, True, False])
    value, type_ = maker.pick([("x.n", "int"), ("x.m", "int"), ("x.t", "text"), ("nullif(x.id % 3, 1)", "int")])
    distance = maker.pick(["", ", 1", ", 2", ", 3", ", -1", ", 0"])
    default = maker.pick(["", "", ", null" if type_ == "text" else ", -7"]) if distance else ""
    name, rest = maker.pick(
        [
            ("lead", distance + default),
            ("lag", distance + default),
            ("lead", distance),
            ("first_value", ""),
            ("last_value", ""),
            ("nth_value", f", {maker.pick([1, 2, 3])}"),
        ]
    )
    words = f"{name}({value}{rest}{{ ignore nulls|}}){{| ignore nulls}}" if ignore else f"{name}({value}{rest})"
    frames = "" if name in ("lead", "lag") else maker.pick(["", " " + frame(maker, "rows"), " " + frame(maker, "rows")])
    case = over_window(maker, words, type_, f"({partition(maker)}order by {order(maker)}{frames})", a)
    if maker.chance.random() < 0.3:
        wrapped = f"select * from ({case.text}) as q " + maker.pick(
            ["where q.c0 = 3", "where q.c0 < 4", "order by q.c0 limit 1", "order by q.c0 limit 2", "where q.c2 is null"]
        )
        return query(wrapped, case.types)
    return case


@shape("windows", base=True)
def neighbours_below_a_limit(maker):
    """Windows with frames of few rows, of which only the first rows are asked for."""
    a = maker.inputs.any(["n", "m"])
    value = maker.pick(["x.m", "x.n", "nullif(x.id % 3, 1)"])
    name = maker.pick(["lead", "lag", "first_value", "last_value"])
    words = f"{name}({value}{{ ignore nulls|}}){{| ignore nulls}}"
    frames = maker.pick(
        [
            "",
            " rows between unbounded preceding and current row",
            " rows between 1 preceding and current row",
            " rows between unbounded preceding and unbounded following",
        ]
    )
    if name in ("lead", "lag"):
        words, frames = words, f"{{|{frames}}}" if frames else ""
    return query(
        f"select x.id as c0, {words} over (order by x.id{frames}) as c1 from {a.text} as x order by x.id limit"
        f" {maker.chance.randint(1, 4)}",
        ["int", "int"],
        ordered=True,
    )


@shape("windows", base=True, weight=2)
def named_windows(maker):
    """Named windows, as they are and extended by an order or a frame."""
    a = maker.inputs.any(["n", "m", "t"])
    by = maker.pick(["partition by x.n", "partition by x.t", "partition by x.m, x.n"])
    at = order(maker)
    function, type_ = maker.pick(
        [("row_number()", "int"), ("sum(x.m)", "int"), ("count(*)", "int"), ("max(x.t)", "text"), ("rank()", "int"), ("lag(x.m)", "int")]
    )
    kind = maker.pick(["extended", "extended", "whole", "framed", "two"])
    if kind == "extended":
        words = f"{function} over (w order by {at}) as c1, count(*) over w as c2"
        window = f"w as ({by})"
    elif kind == "framed":
        words = f"count(x.m) over (w {frame(maker, 'rows')}) as c1, {function} over w as c2"
        window = f"w as ({by} order by {at})"
    elif kind == "two":
        words = f"{function} over w as c1, {function} over v as c2"
        window = f"w as ({by} order by {at}), v as (order by {order(maker)})"
    else:
        words = f"{function} over w as c1, row_number() over w as c2"
        window = f"w as ({by} order by {at})"
    types = ["int", type_, "int"] if kind != "framed" else ["int", "int", type_]
    return query(f"select x.id as c0, {words} from {a.text} as x window {window}", types)


@shape("windows", base=True, weight=2)
def ranks(maker):
    """Ranks, and what is computed of several of them."""
    a = maker.inputs.any(["n", "m", "t"])
    names = ["row_number()", "rank()", "dense_rank()"]
    one, other = (f"{maker.pick(names)} over ({partition(maker)}order by {order(maker)})" for _ in range(2))
    if maker.chance.random() < 0.5:
        one = f"rank() over (order by x.{maker.pick(['n', 'm', 't'])}{maker.pick(['', ' desc'])})"
    words = maker.pick(
        [
            f"{one} - {other}",
            f"{one} - {other}",
            f"{one} + {other}",
            f"cast({one} as integer) * 2",
            f"({one} - 1) {{//|/}} 2",
            f"{one}",
            f"ntile({maker.pick([2, 3])}) over (order by x.id) - {other}",
            f"- {one}",
        ]
    )
    return query(f"select x.id as c0, {words} as c1 from {a.text} as x", ["int", "int"])


@shape("windows", base=True, weight=2)
def first_rows(maker):
    """The first rows of each partition, by a rank below a bound or by qualify."""
    a = maker.inputs.any(["n", "m", "t"])
    function, by = maker.pick(
        [("row_number", order(maker)), ("rank", maker.pick(["x.m", "x.m desc", "x.t nulls first"])), ("dense_rank", "x.m desc nulls last")]
    )
    over = f"{function}() over ({partition(maker)}order by {by})"
    bound = maker.pick(["= 1", "<= 2", "< 3", "= 2", "> 1", "between 1 and 2", "<= 0", "<> 1"])
    if maker.chance.random() < 0.4:
        return query(f"select x.id as c0, x.n as c1, x.m as c2 from {a.text} as x qualify {over} {bound}", ["int"] * 3)
    return query(
        f"select q.id as c0, q.n as c1, q.r as c2 from (select x.id, x.n, {over} as r from {a.text} as x) as q where q.r {bound}",
        ["int"] * 3,
    )


@shape("windows", base=True)
def window_of_groups(maker):
    """Windows over a grouping's answer."""
    a = maker.inputs.any(["n", "m"])
    words = maker.pick(
        [
            "rank() over (order by count(*) desc, x.n)",
            "sum(count(*)) over (order by x.n nulls first)",
            "row_number() over (order by sum(x.m), x.n)",
            "count(*) over ()",
            "max(sum(x.m)) over (order by x.n rows between 1 preceding and current row)",
            "sum(sum(x.id)) over ()",
        ]
    )
    having = maker.maybe(0.3, " having count(*) > 1")
    return query(f"select x.n as c0, count(*) as c1, {words} as c2 from {a.text} as x group by x.n{having}", ["int"] * 3)


@shape("windows", base=True)
def windows_over_windows(maker):
    a = maker.inputs.any(["n", "m", "t"])
    inner = (
        f"select x.id, x.n, x.m, sum(x.m) over ({partition(maker)}order by {order(maker)} rows between 1 preceding and current row) as v,"
        f" row_number() over (order by {order(maker)}) as r from {a.text} as x"
    )
    outer = maker.pick(
        [
            "sum(q.v) over (partition by q.n order by q.r)",
            "lag(q.v) over (order by q.r)",
            "count(q.v) over (order by q.r desc rows between current row and 2 following)",
            "q.v - lag(q.v, 2) over (partition by q.n order by q.id)",
        ]
    )
    after = maker.maybe(0.3, " where q.v > 1")
    return query(f"select q.id as c0, {outer} as c1 from ({inner}) as q{after}", ["int", "int"])


@shape("windows", base=True)
def shares_and_percents(maker):
    """Cumulative distributions and percent ranks."""
    a = maker.inputs.any(["n", "m"])
    function = maker.pick(["percent_rank()", "cume_dist()"])
    return query(
        f"select x.id as c0, {function} over ({partition(maker).replace('x.t', 'x.m')}order by"
        f" {maker.pick(['x.m', 'x.m desc', 'x.id', 'x.n nulls first'])}) as c1 from {a.text} as x",
        ["int", "double"],
    )
