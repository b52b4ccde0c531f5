"""Queries that do not fit little memory: they spill, end in words, or give the same answer.

Rows by the ten thousand, with long texts; what is asked for is counts and sums, so
that answers are short.
"""

from cases import query, shape


def rows(maker, most=60_000):
    """Many rows with a number, a small number and a long text."""
    count, width = maker.chance.randint(2_000, most), maker.pick([10, 100, 500])
    if count * width > 8_000_000:
        width = 100
    a, b = maker.pick([7, 97, 1009, 20011]), maker.pick([3, 13, 101])
    series = (
        f"(select g.i as id, g.i % {a} as n, g.i * 7919 % {b} as m, concat(cast(g.i % {a} as varchar), repeat('x', {width})) as t from"
        f" generate_series(1, {count}) as g(i))"
    )
    if maker.chance.random() < 0.3:
        return (
            f"(select s.session_id as id, s.title_id as n, s.user_id % {b} as m, concat(cast(s.user_id as varchar), repeat('x', {width}))"
            f" as t from watch_sessions as s where s.session_id <= {count})"
        )
    return series


@shape("big")
def big_sorts(maker):
    a, by = rows(maker), maker.pick(["x.t, x.id", "x.m desc, x.t, x.id", "x.n, x.id"])
    return query(
        "select sum(q.r * (q.id % 1000)) as c0, count(*) as c1, max(length(q.t)) as c2 from (select x.id, x.t, row_number() over (order by"
        f" {by}) as r from {a} as x) as q",
        ["int"] * 3,
    )


@shape("big")
def big_groups(maker):
    a, key = rows(maker), maker.pick(["x.t", "x.n, x.m", "x.t, x.m", "x.id"])
    return query(
        f"select count(*) as c0, sum(q.w) as c1, max(q.s) as c2 from (select {key}, count(*) as w, sum(x.id) as s from {a} as x group by"
        f" {key}) as q",
        ["int"] * 3,
    )


@shape("big")
def big_distinct(maker):
    a = rows(maker)
    return query(
        f"select x.m as c0, count(distinct x.t) as c1, count(distinct x.n) as c2, count(*) as c3 from {a} as x group by x.m", ["int"] * 4
    )


@shape("big", weight=2)
def big_joins(maker):
    """Joins by equality of which one side or both are large."""
    a, b = rows(maker, 40_000), rows(maker, 20_000)
    condition = maker.pick(
        ["x.id = y.id", "x.id = y.id and x.t < y.t", "x.t = y.t and x.id = y.id", "x.id = y.id * 2", "x.id = y.id and x.m <> y.m"]
    )
    return query(
        f"select count(*) as c0, sum(x.id) as c1, count(y.t) as c2, max(length(concat(x.t, y.t))) as c3 from {a} as x"
        f" {maker.pick(['inner', 'left', 'full', 'right'])} join {b} as y on {condition}",
        ["int"] * 4,
    )


@shape("big", weight=3)
def big_joins_by_inequality(maker):
    """Nested loops over long texts: what does not fit is asked again, and no row is lost."""
    width, count = maker.pick([100, 500, 1000, 2000]), maker.pick([5_000, 20_000, 40_000])
    source = maker.pick(
        [
            f"(select s.session_id as id, repeat('x', {width}) as t from watch_sessions as s where s.session_id < {count})",
            f"(select g.i as id, repeat('x', {width}) as t from generate_series(1, {count}) as g(i))",
        ]
    )
    step = count // maker.pick([2, 3, 4])
    kind = maker.pick(["inner", "inner", "left", "full"])
    return query(
        f"select count(*) as c0, count(b.i) as c1, sum(a.id) as c2 from {source} as a {kind} join generate_series(1, {maker.pick([2, 3])})"
        f" as b(i) on a.id < b.i * {step} and a.t > cast(b.i as varchar)",
        ["int"] * 3,
    )


@shape("big")
def big_windows(maker):
    a = rows(maker, 40_000)
    words = maker.pick(
        [
            "sum(x.id) over (partition by x.n order by x.id)",
            "lag(x.m) over (partition by x.t order by x.id)",
            "count(*) over (partition by x.t)",
            "rank() over (partition by x.m order by x.t)",
        ]
    )
    return query(
        f"select count(*) as c0, sum(q.w) as c1, max(length(q.t)) as c2 from (select x.t, {words} as w from {a} as x) as q", ["int"] * 3
    )


@shape("big")
def big_unions(maker):
    a, b = rows(maker, 30_000), rows(maker, 30_000)
    word = maker.pick(["union", "union all", "except", "intersect", "except all", "intersect all"])
    return query(
        f"select count(*) as c0, sum(q.id) as c1 from (select x.id, x.t from {a} as x {word} select y.id, y.t from {b} as y) as q",
        ["int", "int"],
    )


@shape("big")
def big_read_twice(maker):
    """A large grouping that two parts of a query read."""
    a = rows(maker, 40_000)
    key = maker.pick(["x.t", "x.n"])
    one, other = maker.some(["q.w > 1", "q.s % 3 = 1", "q.w = 1", "q.s > 1000"], 2, 2)
    return query(
        f"with a as (select {key} as k, count(*) as w, sum(x.id) as s from {a} as x group by {key}) select 1 as c0, count(*) as c1,"
        f" sum(q.s) as c2 from a as q where {one} union all select 2, count(*), sum(q.s) from a as q where {other} union all select 3,"
        f" count(*), sum(p.w) from a as p inner join a as q on p.k = q.k where {one}",
        ["int"] * 3,
    )


@shape("big")
def big_semi_joins(maker):
    a, b = rows(maker, 40_000), rows(maker, 20_000)
    test = maker.pick(
        [
            "x.t in (select y.t from {} as y)",
            "x.t not in (select y.t from {} as y)",
            "exists (select 1 from {} as y where y.id = x.id and y.t <> x.t)",
            "not exists (select 1 from {} as y where y.id = x.id)",
        ]
    )
    return query(f"select count(*) as c0, sum(x.id) as c1 from {a} as x where {test.format(b)}", ["int", "int"])


@shape("big")
def big_ordered_aggregates(maker):
    a = rows(maker, 20_000)
    by = maker.pick(["x.id", "x.id desc", "x.t, x.id"])
    return query(
        f"select x.m as c0, length(string_agg(x.t, '' order by {by})) as c1, {{first|first_value}}(x.id order by {by}) as c2, count(*) as"
        f" c3 from {a} as x group by x.m",
        ["int"] * 4,
    )
