"""Checks that need no second engine: answers that belong together.

Rows where a condition holds, does not, and is null are all rows; a filter is a
case; parts of a union are the union; an inner join is a cross join with a
condition; a right join is a left one the other way round.
"""

from cases import related, shape
from expressions import Expressions, named
from shapes.joins import equality, on
from shapes.subqueries import pair, test


@shape("relations", weight=3)
def three_parts_of_rows(maker):
    """Where p, where not p, where p is null: together all rows."""
    a, b = pair(maker)
    p = maker.pick(
        [Expressions(maker.chance, a.columns("x")).condition(2), Expressions(maker.chance, a.columns("x")).condition(1), test(maker, b)]
    )
    whole = f"select x.id as c0, x.n as c1 from {a.text} as x"
    return related("together", whole, *(f"{whole} where {word}" for word in (f"({p})", f"not ({p})", f"({p}) is null")))


@shape("relations", weight=2)
def three_parts_counted(maker):
    """The same, counted in one query and apart."""
    a, b = pair(maker)
    p = maker.pick([Expressions(maker.chance, a.columns("x")).condition(2), test(maker, b)])
    whole = f"select count(*) as c0 from {a.text} as x"
    return related("sum", whole, *(f"{whole} where {word}" for word in (f"({p})", f"not ({p})", f"({p}) is null")))


@shape("relations", weight=2)
def three_parts_of_joins(maker):
    """Rows of a join, parted by a condition."""
    a, b = maker.inputs.any(["n", "m"]), maker.inputs.small(["n", "m"])
    x, y = a.columns("x"), b.columns("y")
    p = Expressions(maker.chance, x + y).condition(1)
    whole = (
        f"select x.id as c0, y.id as c1 from {a.text} as x {maker.pick(['inner', 'left', 'right', 'full'])} join {b.text} as y on"
        f" {on(maker, x, y)}"
    )
    return related("together", whole, *(f"{whole} where {word}" for word in (f"({p})", f"not ({p})", f"({p}) is null")))


@shape("relations", weight=2)
def three_parts_of_groups(maker):
    """Groups, parted by a condition on what they hold."""
    a = maker.inputs.any(["n", "m"])
    made = Expressions(maker.chance, a.columns("x"))
    one, type_ = made.aggregate(1)
    p = maker.pick(
        [
            f"{one} = {made.literal(type_)}",
            f"{one} < {made.literal(type_)}",
            "count(*) > 1",
            "sum(x.m) > 2",
            f"{one} in ({made.literal(type_)}, {made.literal(type_)})",
        ]
    )
    whole = f"select x.n as c0, count(*) as c1 from {a.text} as x group by x.n"
    return related("together", whole, *(f"{whole} having {word}" for word in (f"({p})", f"not ({p})", f"({p}) is null")))


@shape("relations", weight=2)
def filter_is_a_case(maker):
    """`count(*) filter (where p)` is the sum of ones where p."""
    a, b = pair(maker)
    made = Expressions(maker.chance, a.columns("x"))
    p = made.condition(2)
    key = maker.pick(["", "x.n"])
    group, head = (f" group by {key}", f"{key} as c0, ") if key else ("", "")
    return related(
        "same",
        f"select {head}count(*) filter (where {p}) as c1, max(x.id) filter (where {p}) as c2 from {a.text} as x{group}",
        f"select {head}coalesce(sum(case when {p} then 1 else 0 end), 0) as c1, max(case when {p} then x.id end) as c2 from {a.text} as"
        f" x{group}",
    )


@shape("relations")
def parts_of_a_union(maker):
    """A union's parts, each alone."""
    parts = []
    for tag in range(maker.chance.randint(2, 4)):
        a = maker.inputs.small(["n", "t"])
        made = Expressions(maker.chance, a.columns("x"))
        where = maker.maybe(0.6, f" where {made.condition(1)}")
        parts.append(
            maker.pick(
                [
                    f"select {tag} as c0, x.n as c1, x.t as c2 from {a.text} as x{where}",
                    f"select {tag} as c0, count(*) as c1, max(x.t) as c2 from {a.text} as x{where}",
                ]
            )
        )
    return related("together", " union all ".join(parts), *parts)


@shape("relations", weight=2)
def inner_join_is_a_condition(maker):
    a, b = maker.inputs.small(["n", "t"]), maker.inputs.small(["n", "t"])
    condition = on(maker, a.columns("x"), b.columns("y"))
    chosen = "select x.id as c0, y.id as c1 from"
    return related(
        "same",
        f"{chosen} {a.text} as x inner join {b.text} as y on {condition}",
        f"{chosen} {a.text} as x, {b.text} as y where {condition}",
        f"{chosen} {b.text} as y inner join {a.text} as x on {condition}",
    )


@shape("relations", weight=2)
def right_join_is_a_left_one(maker):
    a, b = maker.inputs.any(["n", "t"]), maker.inputs.small(["n", "t"])
    condition = on(maker, a.columns("x"), b.columns("y"))
    chosen = "select x.id as c0, y.id as c1, x.n as c2 from"
    return related(
        "same",
        f"{chosen} {a.text} as x right join {b.text} as y on {condition}",
        f"{chosen} {b.text} as y left join {a.text} as x on {condition}",
    )


@shape("relations", weight=2)
def full_join_is_its_parts(maker):
    """A full join is a left join and what is left of the other side."""
    a, b = maker.inputs.small(["n", "t"]), maker.inputs.small(["n", "t"])
    condition = equality(maker, a.columns("x"), b.columns("y"))
    chosen = "select x.id as c0, y.id as c1 from"
    return related(
        "together",
        f"{chosen} {a.text} as x full join {b.text} as y on {condition}",
        f"{chosen} {a.text} as x left join {b.text} as y on {condition}",
        f"select cast(null as integer) as c0, y.id as c1 from {b.text} as y where not exists (select 1 from {a.text} as x where"
        f" {condition})",
    )


@shape("relations")
def using_is_a_coalesce(maker):
    a, b = maker.inputs.small(["n"]), maker.inputs.small(["n"])
    one, other, kind = (
        f"(select n, id as p from {a.text} as i)",
        f"(select n, id as q from {b.text} as j)",
        maker.pick(["inner", "left", "right", "full"]),
    )
    return related(
        "same",
        f"select n as c0, p as c1, q as c2 from {one} as x {kind} join {other} as y using (n)",
        f"select coalesce(x.n, y.n) as c0, p as c1, q as c2 from {one} as x {kind} join {other} as y on x.n = y.n",
    )


@shape("relations")
def distinct_is_a_group(maker):
    a = maker.inputs.any(["n", "t"])
    made = Expressions(maker.chance, a.columns("x"))
    one, other = made.any(1)[0], made.any(1)[0]
    rows = f"select {named([one, other])} from {a.text} as x"
    return related(
        "same",
        rows.replace("select ", "select distinct ", 1),
        f"select q.c0, q.c1 from ({rows}) as q group by q.c0, q.c1",
        f"{rows} union {rows}",
    )


@shape("relations")
def having_is_a_condition(maker):
    a = maker.inputs.any(["n", "m"])
    one, type_ = Expressions(maker.chance, a.columns("x")).aggregate(1)
    p = f"{{0}} {maker.pick(['>', '<>', '<='])} {Expressions(maker.chance, []).literal(type_)}"
    return related(
        "same",
        f"select x.n as c0, count(*) as c1 from {a.text} as x group by x.n having {p.replace('{0}', one)}",
        f"select q.n as c0, q.w as c1 from (select x.n, count(*) as w, {one} as v from {a.text} as x group by x.n) as q where"
        f" {p.replace('{0}', 'q.v')}",
    )


@shape("relations")
def first_is_the_least(maker):
    """The first of an order, said by a window, by distinct on and by a minimum."""
    a = maker.inputs.any(["n", "m"])
    return related(
        "same",
        f"select q.n as c0, q.id as c1 from (select x.n, x.id, row_number() over (partition by x.n order by x.id) as r from {a.text} as x)"
        " as q where q.r = 1",
        f"select x.n as c0, min(x.id) as c1 from {a.text} as x group by x.n",
        f"select distinct on (x.n) x.n as c0, x.id as c1 from {a.text} as x order by x.n, x.id",
    )


@shape("relations")
def sets_are_subqueries(maker):
    """`intersect` and `except` of one column are semi and anti joins."""
    a, b = maker.inputs.small(["n"]), maker.inputs.small(["n"])
    word, test_ = maker.pick([("intersect", "exists"), ("except", "not exists")])
    return related(
        "same",
        f"select x.n as c0 from {a.text} as x {word} select y.n from {b.text} as y",
        f"select distinct x.n as c0 from {a.text} as x where {test_} (select 1 from {b.text} as y where y.n is not distinct from x.n)",
    )


@shape("relations")
def sets_with_doubles_counted(maker):
    """`intersect all` has the lesser count of each value, `except all` what is left."""
    a, b = maker.inputs.small(["m"], rows=5), maker.inputs.small(["m"], rows=4)
    word, count = maker.pick([("intersect all", "least(p.w, coalesce(r.w, 0))"), ("except all", "greatest(p.w - coalesce(r.w, 0), 0)")])
    counted = "(select y.v % 2 as v, count(*) as w from (select coalesce(z.m, 0) as v from {} as z) as y group by y.v % 2)"
    rows = "select coalesce(z.m, 0) % 2 as v from {} as z"
    return related(
        "sum",
        f"select count(*) as c0 from ({rows.format(a.text)} {word} {rows.format(b.text)}) as s",
        f"select coalesce(sum({count}), 0) as c0 from {counted.format(a.text)} as p left join {counted.format(b.text)} as r on p.v = r.v",
    )


@shape("relations")
def total_of_windows(maker):
    """A running sum over all rows is the sum; sums of partitions are those of groups."""
    a = maker.inputs.any(["n", "m"])
    return related(
        "same",
        f"select distinct x.n as c0, sum(x.m) over (partition by x.n) as c1, count(*) over (partition by x.n) as c2 from {a.text} as x",
        f"select x.n as c0, sum(x.m) as c1, count(*) as c2 from {a.text} as x group by x.n",
        "select q.n as c0, q.s as c1, q.w as c2 from (select x.n, sum(x.m) over (w order by x.id) as s, row_number() over (w order by"
        f" x.id) as w, row_number() over (w order by x.id desc) as r from {a.text} as x window w as (partition by x.n)) as q where q.r = 1",
    )


@shape("relations")
def rollup_is_its_sets(maker):
    a = maker.inputs.any(["n", "t", "m"])
    part = "select {0} as c0, {1} as c1, count(*) as c2, sum(x.m) as c3 from " + a.text + " as x"
    return related(
        "together",
        part.format("x.n", "x.t") + " group by rollup (x.n, x.t)",
        part.format("x.n", "x.t") + " group by x.n, x.t",
        part.format("x.n", "cast(null as varchar)") + " group by x.n",
        part.format("cast(null as integer)", "cast(null as varchar)"),
    )
