"""Joins: every type, by equality, by inequality, by both, null-safe, using and natural."""

from cases import query, shape
from expressions import COMPARISONS, Expressions, named

OUTER = ["inner join", "left join", "right join", "full join"]


def keys_of(maker, one, other):
    """A column of each side, of one type."""
    pairs = [(a.name, b.name) for a in one for b in other if a.type == b.type and a.type != "bool"]
    return maker.pick(pairs)


def equality(maker, one, other):
    a, b = keys_of(maker, one, other)
    return f"{a} {maker.pick(['=', '=', 'is not distinct from'])} {b}"


def on(maker, one, other):
    """A condition between two sides: equal, unequal, both, with what concerns one side."""
    a, b = keys_of(maker, one, other)
    unequal = f"{a} {maker.pick(COMPARISONS[2:])} {b}"
    either = Expressions(maker.chance, one + other)
    return maker.pick(
        [
            equality(maker, one, other),
            equality(maker, one, other),
            f"{equality(maker, one, other)} and {equality(maker, one, other)}",
            f"{equality(maker, one, other)} and {unequal}",
            f"{equality(maker, one, other)} and {either.condition(0)}",
            unequal,
            f"{unequal} and {either.condition(0)}",
            f"({equality(maker, one, other)} or {either.condition(0)})",
        ]
    )


def answers(maker, columns, source, where="", types=None):
    """Rows, or aggregates of them."""
    made = Expressions(maker.chance, columns)
    if maker.chance.random() < 0.4:
        chosen = [made.aggregate(1) for _ in range(maker.chance.randint(1, 3))] + [("count(*)", "int")]
    else:
        chosen = [(c.name, c.type) for c in maker.some(columns, 2, 4)] + [made.any(1)]
    return query(f"select {named(text for text, _ in chosen)} from {source}{where}", [type_ for _, type_ in chosen])


def where(maker, columns, share=0.4):
    if maker.chance.random() > share:
        return ""
    return f" where {Expressions(maker.chance, columns).condition(1)}"


@shape("joins", base=True, weight=2)
def join_two(maker):
    a, b = maker.inputs.any(["n"]), maker.inputs.small(["n"])
    if maker.chance.random() < 0.5:
        a, b = b, a
    one, other = a.columns("x"), b.columns("y")
    source = f"{a.text} as x {maker.pick(OUTER)} {b.text} as y on {on(maker, one, other)}"
    return answers(maker, one + other, source, where(maker, one + other))


@shape("joins", base=True, weight=2)
def join_chain(maker):
    """Three inputs, each joined to those before."""
    a, b, c = maker.inputs.any(["n", "t"]), maker.inputs.small(["n", "t"]), maker.inputs.small(["n", "t"])
    x, y, z = a.columns("x"), b.columns("y"), c.columns("z")
    source = (
        f"{a.text} as x {maker.pick(OUTER)} {b.text} as y on {equality(maker, x, y)} "
        f"{maker.pick(OUTER)} {c.text} as z on {on(maker, x + y, z)}"
    )
    return answers(maker, x + y + z, source, where(maker, x + y + z))


@shape("joins", base=True)
def join_null_safe(maker):
    """Null-safe conditions next to plain ones, over one input joined to itself."""
    a, b = maker.inputs.small(["n", "t", "m"]), maker.inputs.small(["t"])
    x, y, z = a.columns("x"), a.columns("y"), b.columns("z")
    first, second = maker.pick(
        [("=", "is not distinct from"), ("is not distinct from", "="), ("is not distinct from", "is not distinct from")]
    )
    key = maker.pick(["n", "m", "t"])
    text = (
        f"with a as {a.text}, b as {b.text} select {{columns}} from a as x {maker.pick(OUTER[:2])} a as y on x.{key} {first} y.{key} "
        f"{maker.pick(OUTER)} b as z on {maker.pick(['x', 'y'])}.t {second} z.t"
    )
    case = answers(maker, x + y + z, "nothing")
    columns = case.text.removeprefix("select ").removesuffix(" from nothing")
    return query(text.replace("{columns}", columns), case.types)


@shape("joins", base=True, weight=2)
def join_using(maker):
    """`using`: the shared column has the value of the side that is there."""
    a, b = maker.inputs.small(["n"]), maker.inputs.small(["n"])
    one, other = f"(select n, id as p from {a.text} as i)", f"(select n, id as q from {b.text} as j)"
    chosen = maker.pick(
        [
            ("n as c0, p as c1, q as c2", ["int"] * 3),
            ("max(n) as c0, min(n) as c1, count(n) as c2, count(*) as c3", ["int"] * 4),
            ("n as c0", ["int"]),
            ("coalesce(n, -1) as c0, x.n as c1, y.n as c2", ["int"] * 3),
            ("n + 1 as c0, q as c1", ["int"] * 2),
        ]
    )
    after = maker.pick(["", "", " where n > 0", " where n is null", " where n in (1, 2)"])
    return query(f"select {chosen[0]} from {one} as x {maker.pick(OUTER)} {other} as y using (n){after}", chosen[1])


@shape("joins", base=True)
def join_using_three(maker):
    tables = [maker.inputs.small(["n"]) for _ in range(3)]
    words = [f"(select n, id as p{at} from {table.text} as i{at}) as x{at}" for at, table in enumerate(tables)]
    text = (
        f"select n as c0, p0 as c1, p1 as c2, p2 as c3 from {words[0]} {maker.pick(OUTER)} {words[1]} using (n) {maker.pick(OUTER)}"
        f" {words[2]} using (n)"
    )
    return query(text, ["int"] * 4)


@shape("joins", base=True)
def join_natural(maker):
    a, b = maker.inputs.small(["n", "t"]), maker.inputs.small(["n", "t"])
    shared = maker.pick([["n"], ["n", "t"]])
    one, other = (f"(select {', '.join(shared)}, id as {name} from {table.text} as i)" for table, name in ((a, "p"), (b, "q")))
    text = maker.pick(["n as c0, p as c1, q as c2", "max(n) as c0, count(n) as c1, count(p) as c2", "n as c0, n * 2 as c1, p as c2"])
    return query(f"select {text} from {one} as x natural {maker.pick(OUTER)} {other} as y", ["int"] * 3)


@shape("joins", base=True)
def join_inequality(maker):
    """Ranges: between two columns, overlaps, one-sided."""
    a, b = maker.inputs.any(["n", "day"]), maker.inputs.small(["n", "m", "day"], rows=maker.chance.randint(0, 9))
    x, y = a.columns("x"), b.columns("y")
    kind = maker.pick(OUTER)
    condition = maker.pick(
        [
            "x.n between y.n and y.m",
            "x.n >= y.n and x.n < y.m",
            "x.n > y.n",
            "x.day >= y.day",
            "x.day <= y.day and x.n = y.n",
            "x.n >= y.n and (y.m is null or x.n < y.m)",
            "x.day > y.day and x.day <= y.day + interval '30 days'",
            "x.n <> y.n",
            "x.n < y.m and y.n < x.n",
        ]
    )
    return answers(maker, x + y, f"{a.text} as x {kind} {b.text} as y on {condition}", where(maker, x + y, 0.2))


@shape("joins", base=True)
def semi_and_anti(maker):
    """Exists, in, and their opposites, alone and beside `or`."""
    a, b = maker.inputs.any(["n", "t"]), maker.inputs.small(["n", "t"])
    x, y = a.columns("x"), b.columns("y")
    key_x, key_y = keys_of(maker, x, y)
    inner = Expressions(maker.chance, y).condition(0)
    test = maker.pick(
        [
            f"{key_x} in (select {key_y} from {b.text} as y)",
            f"{key_x} not in (select {key_y} from {b.text} as y where {inner})",
            f"exists (select 1 from {b.text} as y where {on(maker, x, y)})",
            f"not exists (select 1 from {b.text} as y where {on(maker, x, y)})",
            f"exists (select 1 from {b.text} as y where {equality(maker, x, y)} and {inner})",
            f"{key_x} not in (select {key_y} from {b.text} as y)",
        ]
    )
    outer = Expressions(maker.chance, x).condition(0)
    return answers(
        maker, x, f"{a.text} as x", f" where {maker.pick([test, test, f'{test} and {outer}', f'{test} or {outer}', f'not ({test})'])}"
    )


@shape("joins", base=True)
def cross_join(maker):
    a, b = maker.inputs.small(), maker.inputs.small()
    x, y = a.columns("x"), b.columns("y")
    source = maker.pick([f"{a.text} as x cross join {b.text} as y", f"{a.text} as x, {b.text} as y"])
    return answers(maker, x + y, source, where(maker, x + y, 0.8))


@shape("joins", base=True)
def join_grouped(maker):
    """A grouping joined to what it was made of."""
    a = maker.inputs.any(["n", "m"])
    made = Expressions(maker.chance, a.columns("i")).aggregate(0)
    key = maker.pick(["n", "m"])
    text = (
        f"with a as {a.text} select x.id as c0, x.{key} as c1, y.v as c2 from a as x {maker.pick(OUTER)} "
        f"(select i.{key}, {made[0]} as v from a as i group by i.{key}) as y on x.{key} {maker.pick(['=', 'is not distinct from'])} y.{key}"
    )
    return query(text, ["int", "int", made[1]])


@shape("joins", base=True)
def join_lateral(maker):
    """A subquery in `from` that refers to what stands before it."""
    a, b = maker.inputs.small(["n"]), maker.inputs.small(["n", "m"])
    inner = maker.pick(
        [
            ("select max(y.m) as v, count(*) as w", "y.n = x.n"),
            ("select y.m as v, y.id as w", "y.n = x.n"),
            ("select y.id as v, row_number() over (order by y.id) as w", "y.n = x.n"),
            ("select sum(y.m) as v, min(y.id) as w", "y.n < x.n"),
            ("select y.id as v, sum(y.m) over (order by y.id) as w", "y.n = x.n"),
            ("select y.m + x.n as v, y.id as w", "y.n = x.n and y.id > 1"),
        ]
    )
    word = maker.pick(["cross join lateral", ", lateral"])
    text = f"select x.id as c0, l.v as c1, l.w as c2 from {a.text} as x {word} ({inner[0]} from {b.text} as y where {inner[1]}) as l"
    return query(text.replace(" ,", ","), ["int"] * 3)
