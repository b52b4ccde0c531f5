"""Set operations, `values` and series, orders with limits, recursion."""

from cases import query, related, shape
from expressions import Expressions, named


def rows_of(maker, alias, names):
    """Rows of some columns, with a condition at times."""
    a = maker.inputs.small(names)
    made = Expressions(maker.chance, a.columns(alias))
    where = maker.maybe(0.3, f" where {made.condition(1)}")
    return f"select {named(f'{alias}.{name}' for name in names)} from {a.text} as {alias}{where}"


@shape("sets", base=True, weight=2)
def set_operations(maker):
    """Two or three sets, nested, of which rows occur several times."""
    names = maker.pick([["n"], ["n", "t"], ["m"], ["ok"], ["n", "ok"]])
    words = ["union", "union all", "intersect", "except", "intersect all", "except all"]
    one, two, three = (rows_of(maker, alias, names) for alias in "xyz")
    text = maker.pick(
        [
            f"({one}) {maker.pick(words)} ({two})",
            f"({one}) {maker.pick(words)} ({two})",
            f"(({one}) {maker.pick(words)} ({two})) {maker.pick(words)} ({three})",
            f"({one}) {maker.pick(words)} (({two}) {maker.pick(words)} ({three}))",
        ]
    )
    kinds = {"n": "int", "m": "int", "t": "text", "ok": "bool"}
    return query(f"select * from ({text}) as q", [kinds[name] for name in names])


@shape("sets", base=True, weight=2)
def sets_with_doubles(maker):
    """`intersect all` and `except all` of short lists with repeated values."""

    def values():
        rows = ", ".join(f"({maker.pick(['1', '1', '1', '2', '2', 'cast(null as integer)'])})" for _ in range(maker.chance.randint(1, 6)))
        return f"select v.a from (values {rows}) as v(a)"

    word = maker.pick(["intersect all", "except all", "intersect all", "except all", "intersect", "except", "union"])
    inner = f"{values()} {word} {values()}"
    return query(
        maker.pick(
            [
                f"select count(*) as c0, count(q.a) as c1 from ({inner}) as q",
                f"select q.a as c0, count(*) as c1 from ({inner}) as q group by q.a",
            ]
        ),
        ["int", "int"],
    )


@shape("sets", base=True)
def values_and_series(maker):
    """Rows that stand in the query, series, and joins of both."""
    low, high, step = maker.chance.randint(-3, 3), maker.chance.randint(-3, 12), maker.pick([1, 2, 3])
    series = f"generate_series({low}, {high}, {step}) as g(i)"
    v = (
        f"(values {', '.join(f'({maker.chance.randint(-2, 6)}, {maker.chance.randint(0, 3)})' for _ in range(maker.chance.randint(1, 5)))})"
        " as v(a, b)"
    )
    return query(
        maker.pick(
            [
                f"select g.i as c0, g.i * 2 as c1 from {series}",
                f"select count(*) as c0, sum(g.i) as c1 from {series}",
                f"select g.i as c0, v.b as c1 from {series} {maker.pick(['left', 'inner', 'full', 'right'])} join {v} on g.i = v.a",
                f"select v.a as c0, count(g.i) as c1 from {v} left join {series} on g.i between v.b and v.a group by v.a",
                f"select g.i as c0, (select max(v.b) from {v} where v.a = g.i) as c1 from {series}",
                f"select g.i % 3 as c0, max(g.i) as c1 from {series} where g.i <> {maker.chance.randint(0, 5)} group by 1",
            ]
        ),
        ["int", "int"],
    )


@shape("sets", base=True, weight=2)
def ordered_rows(maker):
    """Total orders, with limits and offsets."""
    a = maker.inputs.any(["n", "t"])
    made = Expressions(maker.chance, a.columns("x"))
    chosen = [("x.id", "int")] + [made.any(1) for _ in range(2)]
    keys = [
        f"{maker.pick(['2', '3', 'x.n', 'x.t', made.column('int')])} {maker.pick(['', 'asc', 'desc'])}"
        f" {maker.pick(['nulls first', 'nulls last', ''])}"
        for _ in range(maker.chance.randint(0, 2))
    ]
    limit = maker.pick(["", " limit 3", " limit 1", " limit 5 offset 2", " offset 3", " limit 0", " limit 1000"])
    where = maker.maybe(0.3, f" where {made.condition(1)}")
    return query(
        f"select {named(text for text, _ in chosen)} from {a.text} as x{where} order by {', '.join(keys + ['x.id'])}{limit}",
        [t for _, t in chosen],
        ordered=True,
    )


@shape("sets")
def limit_is_a_prefix(maker):
    """The first rows and the others are all rows."""
    a = maker.inputs.any(["n", "t"])
    by = maker.pick(["x.n, x.id", "x.t desc nulls last, x.id", "x.n desc nulls first, x.id desc", "x.id desc"])
    at = maker.chance.randint(0, 6)
    whole = f"select x.id as c0, x.n as c1 from {a.text} as x order by {by}"
    return related("together", whole, f"{whole} limit {at}", f"{whole} offset {at}")


@shape("sets", base=True)
def recursion(maker):
    """Recursive queries: counting, trees, paths."""
    a = maker.inputs.small(["n"])
    n = maker.chance.randint(2, 12)
    kind = maker.chance.randrange(5)
    if kind == 0:
        return query(
            f"with recursive r(i, s) as (select cast({maker.chance.randint(-2, 2)} as bigint), cast(0 as bigint) union all select r.i + 1,"
            f" r.s + r.i from r where r.i < {n}) select r.i as c0, r.s as c1 from r",
            ["int", "int"],
        )
    if kind == 1:
        return query(
            f"with recursive a as {a.text}, r as (select cast(a.id as bigint) as id, cast(1 as bigint) as depth from a where a.id = 1 union"
            " all select cast(a.id as bigint), r.depth + 1 from a join r on a.n = r.id where r.depth < 5) select r.id as c0, r.depth as c1"
            " from r",
            ["int", "int"],
        )
    if kind == 2:
        return query(
            "with recursive r(i) as (select cast(v.a as bigint) from (values (1), (2), (2)) as v(a) union select (r.i *"
            f" {maker.pick([2, 3, 5])} + 1) % {n + 3} from r) select count(*) as c0, sum(r.i) as c1 from r",
            ["int", "int"],
        )
    if kind == 3:
        return query(
            "with recursive r(i, t) as (select cast(1 as bigint), cast('x' as varchar) union all select r.i + 1, concat(r.t, 'y') from r"
            f" where length(r.t) < {n}) select r.i as c0, r.t as c1 from r",
            ["int", "text"],
        )
    return query(
        f"with recursive r(i) as (select cast({{{n * 10}.0|{n * 10}}} as {{double|bigint}}) union all select r.i * 0.5{{|}} from r where"
        " r.i > 3) select max(r.i) as c0, count(*) as c1 from r",
        ["double", "int"],
        loose=1e-6,
    )


@shape("sets")
def recursion_of_types(maker):
    """The two parts of a recursion differ in their types: the wider one counts."""
    start, share = maker.chance.randint(3, 200), maker.pick(["0.9", "0.5", "0.75", "0.3"])
    low = maker.pick([2, 10, start // 2 + 1])
    word = maker.pick(["union all", "union"])
    answer = maker.pick(
        ["select r.n as c0 from r", "select count(*) as c0 from r", "select sum(r.n) as c0 from r", "select min(r.n) as c0 from r"]
    )
    return query(
        f"with recursive r(n) as (select {{cast({start} as decimal(20,10))|{start}}} {word} select {{cast(r.n * {share} as"
        f" decimal(20,10))|r.n * {share}}} from r where r.n > {low}) {answer}",
        ["decimal"],
        loose=1e-6,
    )


@shape("sets", base=True)
def unions_in_groups(maker):
    """Groupings over unions, whose parts have constants of their own."""
    one, two = rows_of(maker, "x", ["n", "t"]), rows_of(maker, "y", ["n", "t"])
    inner = f"select 'one' as part, q.c0, q.c1 from ({one}) as q union all select 'two', r.c0, r.c1 from ({two}) as r"
    return query(
        maker.pick(
            [
                f"select u.part as c0, count(*) as c1, sum(u.c0) as c2 from ({inner}) as u group by u.part",
                f"select u.c1 as c0, count(distinct u.part) as c1, max(u.c0) as c2 from ({inner}) as u group by u.c1",
                (
                    f"select u.part as c0, u.c0 as c1, row_number() over (partition by u.part order by u.c0, u.c1) as c2 from ({inner}) as"
                    " u where u.part = 'two'"
                ),
            ]
        ),
        ["text", "int", "int"],
    )
