"""Two parts of one query that differ in one thing, and parts that are alike.

Any base shape is put twice into a query, once with one thing changed: a constant,
a direction, a frame, a join type, a fraction, a column's side, a value in
`values`. What is computed once for both must be what both ask for.
"""

from cases import query, related, shape
from mutate import mutated


def pair(maker):
    """A query of a base shape and one that differs in one thing."""
    while True:
        case = maker.base()
        # A recursion with one thing changed may have no end.
        other = None if "recursive" in case.text else mutated(case.text, maker.chance)
        if other:
            return case, other


@shape("pairs", weight=6)
def branches_told_apart(maker):
    """A union of both; its parts alone are the same rows."""
    case, other = pair(maker)
    parts = [f"select {tag} as part, q.* from ({text}) as q" for tag, text in ((1, case.text), (2, other))]
    if maker.chance.random() < 0.3:
        parts.reverse()
    return related("together", " union all ".join(parts), *parts, loose=case.loose)


@shape("pairs", weight=3)
def numbers_told_apart(maker):
    """Both counted in one row by scalar subqueries."""
    case, other = pair(maker)
    words = maker.pick(["count(*)", "count(q.c0)", "count(distinct q.c0)"])
    return query(
        f"select (select {words} from ({case.text}) as q) as c0, (select {words} from ({other}) as q) as c1",
        ["int", "int"],
        loose=case.loose,
    )


@shape("pairs", weight=2)
def joined_pair(maker):
    """Both joined by their first column."""
    case, other = pair(maker)
    kind = maker.pick(["inner", "left", "full"])
    same = maker.pick(["=", "=", "is not distinct from"]) if kind != "full" else "="
    return query(
        f"with a as ({case.text}), b as ({other}) select count(*) as c0, count(a.c0) as c1, count(b.c0) as c2 from a {kind} join b on a.c0"
        f" {same} b.c0",
        ["int"] * 3,
        loose=case.loose,
    )


@shape("pairs", weight=2)
def difference_of_pair(maker):
    """Rows of one that the other has not."""
    case, other = pair(maker)
    word = maker.pick(["except", "intersect", "except all", "union"])
    return query(
        f"select count(*) as c0 from (select * from ({case.text}) as q {word} select * from ({other}) as r) as s", ["int"], loose=case.loose
    )


@shape("pairs", weight=2)
def two_orders_over_one_grouping(maker):
    """Two windows over one grouping, by other orders, joined."""
    a = maker.inputs.any(["n", "m", "t"])
    key = maker.pick(["n", "t"])
    value = maker.pick(["count(*)", "max(x.id)", "sum(x.m)", "min(x.id)"])
    one, other = maker.some(["v desc, l", "v, l", "l desc", "l", "v desc, l desc", "l nulls first"], 2, 2)
    function = maker.pick(["row_number", "rank"])
    top = maker.pick(["= 1", "<= 2"])
    part = "(select q.k, q.l from (select g.*, {0}() over (partition by g.k order by {1}) as r from g) as q where q.r {2})"
    return query(
        f"with g as (select x.{key} as k, x.m as l, {value} as v from {a.text} as x group by x.{key}, x.m), a as"
        f" {part.format(function, one, top)}, b as {part.format(function, other, top)} select count(*) as c0, sum(case when a.l = b.l then"
        f" 1 else 0 end) as c1, count(b.l) as c2 from a {maker.pick(['inner', 'left'])} join b on a.k = b.k",
        ["int"] * 3,
    )


@shape("pairs", weight=2)
def values_told_apart(maker):
    """Groups and sums over `values` that differ in one row."""
    cells = [[maker.chance.randint(0, 4) for _ in range(2)] for _ in range(maker.chance.randint(1, 4))]
    changed = [list(row) for row in cells]
    changed[maker.chance.randrange(len(changed))][maker.chance.randrange(2)] += maker.chance.randint(1, 3)
    one, other = (", ".join(f"({a}, {b})" for a, b in rows) for rows in (cells, changed))
    function = maker.pick(
        [
            "sum(v.a)",
            "max(v.b)",
            "count(distinct v.a)",
            "min(v.a + v.b)",
            "percentile_cont(0.5) within group (order by cast(v.a as double))",
            "sum(v.a) filter (where v.b > 1)",
            "count(*)",
        ]
    )
    group = maker.pick(["", "", " group by v.b"])
    parts = [f"select '{tag}' as c0, {function} as c1 from (values {rows}) as v(a, b){group}" for tag, rows in (("a", one), ("b", other))]
    return related("together", f"{parts[0]} union all {parts[1]}", *parts)


@shape("pairs", weight=2)
def join_filters_told_apart(maker):
    """Joins in a union whose conditions name the same column of another side."""
    a, b, c = maker.inputs.any(["n", "m"]), maker.inputs.small(["n", "m"]), maker.inputs.small(["n", "m"])
    if maker.chance.random() < 0.5:
        b = a
    kinds = [maker.pick(["inner", "left"]) for _ in range(2)]
    link = maker.pick(["x.id = y.id + 1", "x.n = y.n", "x.id = y.id", "x.m = y.n"])
    second = maker.pick(["{0}.m > z.n", "{0}.n < z.m", "{0}.m = z.n", "{0}.n = z.n and {1}.m < z.m", "{0}.m >= z.id"])
    parts = [
        f"select {tag} as c0, count(*) as c1, count(z.id) as c2 from {a.text} as x {kinds[0]} join {b.text} as y on {link} {kinds[1]} join"
        f" {c.text} as z on {second.format(*sides)}"
        for tag, sides in ((1, "xy"), (2, "yx"))
    ]
    return related("together", f"{parts[0]} union all {parts[1]}", *parts)


@shape("pairs", weight=3)
def twice_written(maker):
    """A subquery read twice through `with` is the same as written out twice."""
    case = maker.base()
    read = maker.pick(
        [
            "select 1 as part, q.* from {0} as q union all select 2 as part, r.* from {0} as r",
            "select count(*) as c0, count(r.c0) as c1 from {0} as q inner join {0} as r on q.c0 = r.c0",
            "select count(*) as c0 from {0} as q where q.c0 in (select r.c0 from {0} as r)",
            "select (select count(*) from {0} as q) as c0, (select count(distinct r.c0) from {0} as r) as c1",
            "select count(*) as c0 from (select * from {0} as q except select * from {0} as r) as s",
        ]
    )
    return related("same", f"with twin as ({case.text}) {read.format('twin')}", read.format(f"({case.text})"), loose=case.loose)


@shape("pairs", weight=2)
def wrapped(maker):
    """A query below another's grouping, window, limit or condition."""
    case = maker.base()
    c = f"q.c{maker.chance.randrange(len(case.types))}"
    d = f"q.c{maker.chance.randrange(len(case.types))}"
    return query(
        maker.pick(
            [
                f"select {c} as c0, count(*) as c1 from ({case.text}) as q group by {c}",
                f"select count(*) as c0, count(distinct {c}) as c1, count({d}) as c2 from ({case.text}) as q",
                f"select {c} as c0, rank() over (order by {c}) as c1 from ({case.text}) as q",
                f"select distinct {c} as c0, {d} as c1 from ({case.text}) as q",
                f"select {c} as c0, count(*) over (partition by {d}) as c1 from ({case.text}) as q where {d} is not null",
                f"select min({c}) as c0, max({d}) as c1 from ({case.text}) as q",
                (
                    f"select q.c0 as c0, r.c0 as c1 from ({case.text}) as q left join (values (1), (2), (3)) as r(c0) on q.c0 is not null"
                    " and r.c0 < 3"
                ),
            ]
        ),
        (),
        loose=case.loose,
    )
