"""Subqueries: scalar, exists, in, not in, correlated or not, wherever they may stand."""

from cases import query, shape
from expressions import COMPARISONS, Expressions, named


def link(maker):
    """How a subquery over y refers to the row x outside."""
    return maker.pick(
        ["y.n = x.n", "y.n = x.n", "y.m < x.m", "y.n = x.n and y.m > x.m", "y.id = x.n", "y.n is not distinct from x.n", "y.id <> x.id"]
    )


def scalar(maker, b, correlated=True):
    made = Expressions(maker.chance, b.columns("y"))
    function = maker.pick(
        [
            "count(*)",
            "max(y.m)",
            "min(y.id)",
            "sum(y.m)",
            "count(y.m)",
            "count(distinct y.m)",
            f"sum({made.of('int', 0)})",
            "max(y.m) + 1",
            "coalesce(sum(y.m), 0)",
        ]
    )
    where = f" where {link(maker)}" if correlated else maker.maybe(0.5, f" where {made.condition(0)}")
    return f"(select {function} from {b.text} as y{where})"


def test(maker, b):
    """A condition with a subquery in it."""
    made = Expressions(maker.chance, b.columns("y"))
    word = maker.pick(["in", "not in"])
    value = maker.pick(["x.n", "x.m", "nullif(x.n, 1)", "x.n + 1"])
    return maker.pick(
        [
            f"exists (select 1 from {b.text} as y where {link(maker)})",
            f"not exists (select 1 from {b.text} as y where {link(maker)})",
            f"exists (select y.id from {b.text} as y where {link(maker)} and {made.condition(0)})",
            f"{value} {word} (select y.n from {b.text} as y)",
            f"{value} {word} (select y.m from {b.text} as y where {made.condition(0)})",
            f"{value} {word} (select y.m from {b.text} as y where y.n = x.n)",
            f"x.m {maker.pick(COMPARISONS)} {scalar(maker, b)}",
            f"x.m {maker.pick(COMPARISONS)} {scalar(maker, b, correlated=False)}",
        ]
    )


def pair(maker):
    return maker.inputs.any(["n", "m"]), maker.inputs.small(["n", "m"])


@shape("subqueries", base=True, weight=2)
def scalar_in_select(maker):
    a, b = pair(maker)
    chosen = [scalar(maker, b, maker.chance.random() < 0.7) for _ in range(maker.chance.randint(1, 2))]
    return query(f"select {named(['x.id', *chosen])} from {a.text} as x", ["int"] * (1 + len(chosen)))


@shape("subqueries", base=True, weight=2)
def subquery_in_where(maker):
    a, b = pair(maker)
    one, other = test(maker, b), Expressions(maker.chance, a.columns("x")).condition(1)
    where = maker.pick(
        [
            one,
            one,
            f"{one} and {other}",
            f"{one} or {other}",
            f"not ({one})",
            f"({one}) is null",
            f"({one} and {other}) or {test(maker, b)}",
            f"{one} and {test(maker, b)}",
        ]
    )
    return query(f"select x.id as c0, x.n as c1, x.m as c2 from {a.text} as x where {where}", ["int"] * 3)


@shape("subqueries", base=True)
def subquery_as_value(maker):
    """Conditions with subqueries that are values: true, false, null."""
    a, b = pair(maker)
    return query(
        f"select x.id as c0, {test(maker, b)} as c1, case when {test(maker, b)} then 1 else 0 end as c2 from {a.text} as x",
        ["int", "bool", "int"],
    )


@shape("subqueries", base=True)
def subquery_in_having(maker):
    a, b = pair(maker)
    test_ = maker.pick(
        [
            f"count(*) > {scalar(maker, b, False)}",
            f"max(x.m) in (select y.m from {b.text} as y)",
            f"min(x.m) not in (select y.m from {b.text} as y where y.m is not null)",
            f"sum(x.m) >= {scalar(maker, b, False)}",
            f"exists (select 1 from {b.text} as y where y.n = x.n)",
            f"count(*) <= (select count(*) from {b.text} as y where y.n = x.n)",
        ]
    )
    return query(f"select x.n as c0, count(*) as c1, sum(x.m) as c2 from {a.text} as x group by x.n having {test_}", ["int"] * 3)


@shape("subqueries", base=True)
def subquery_in_aggregate(maker):
    """Aggregates over what a subquery says of each row."""
    a, b = pair(maker)
    return query(
        f"select x.n as c0, sum(case when {test(maker, b)} then 1 else 0 end) as c1, count(*) as c2 from {a.text} as x group by x.n",
        ["int"] * 3,
    )


@shape("subqueries", base=True)
def not_in_with_nulls(maker):
    """`not in` where either side may be null or empty."""
    a, b = maker.inputs.small(["n", "m"]), maker.inputs.small(["n", "m"])
    value = maker.pick(["x.n", "nullif(x.m, 1)", "x.n + x.m"])
    inner = maker.pick(["", " where y.n is not null", " where y.id < 0", " where y.m = x.m", " where y.n > 1"])
    one = f"{value} not in (select y.n from {b.text} as y{inner})"
    return query(
        f"select x.id as c0, {maker.pick([one, f'({one}) is null', f'not ({one})', f'{one} or x.m > 2'])} as c1, x.n as c2 from {a.text}"
        " as x",
        ["int", "bool", "int"],
    )


@shape("subqueries", base=True)
def row_in(maker):
    """Several columns in a subquery's, said by exists; null never matches."""
    a, b = maker.inputs.small(["n", "t"]), maker.inputs.small(["n", "t"])
    return query(
        f"select x.id as c0, x.n as c1 from {a.text} as x where {maker.pick(['', 'not '])}exists (select 1 from {b.text} as y where y.n ="
        f" x.n and y.t {maker.pick(['=', 'is not distinct from', '<='])} x.t)",
        ["int", "int"],
    )


@shape("subqueries", base=True)
def latest_of_each(maker):
    """The row that has the greatest value of its group, said by a subquery."""
    a = maker.inputs.any(["n", "m"])
    test_ = maker.pick(
        [
            "x.m = (select max(y.m) from a as y where y.n = x.n)",
            "x.id = (select max(y.id) from a as y where y.n = x.n)",
            "not exists (select 1 from a as y where y.n = x.n and y.id > x.id)",
            "x.m >= (select avg(cast(y.m as double)) from a as y where y.n = x.n)",
            "x.id in (select min(y.id) from a as y group by y.n)",
            "x.m > (select min(y.m) from a as y)",
        ]
    )
    return query(f"with a as {a.text} select x.id as c0, x.n as c1, x.m as c2 from a as x where {test_}", ["int"] * 3)


@shape("subqueries", base=True)
def nested_subqueries(maker):
    a, b = maker.inputs.small(["n", "m"]), maker.inputs.small(["n", "m"])
    c = maker.inputs.small(["n"])
    word, other = maker.pick(["in", "not in"]), maker.pick(["exists", "not exists"])
    inner = f"{other} (select 1 from {c.text} as z where z.n = y.n{maker.maybe(0.3, ' and z.id < y.m')})"
    return query(
        f"select x.id as c0, x.n as c1 from {a.text} as x where x.n {word} (select y.n from {b.text} as y where {inner})", ["int", "int"]
    )
