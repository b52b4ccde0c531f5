"""Groupings: keys, grouping sets, having, distinct, filters, quantiles, order within aggregates."""

from cases import query, related, shape
from expressions import Expressions, named


def grouped(maker, source, columns, having=0.3, where=0.4):
    made = Expressions(maker.chance, columns)
    keys = [made.any(1) for _ in range(maker.chance.randint(0, 3))]
    chosen = [made.aggregate(1) for _ in range(maker.chance.randint(1, 4))]
    text = f"select {named(text for text, _ in keys + chosen)} from {source}"
    if maker.chance.random() < where:
        text += f" where {made.condition(1)}"
    if keys:
        text += f" group by {', '.join(str(at + 1) for at in range(len(keys)))}"
        if maker.chance.random() < having:
            text += (
                " having"
                f" {maker.pick(['count(*) > 1', f'{made.aggregate(0)[0]} is not null', 'max(x.id) > 2', f'count(*) > 1 or {made.aggregate(0)[0]} is null'])}"
            )
    return query(text, [type_ for _, type_ in keys + chosen])


@shape("grouping", base=True, weight=3)
def group_by_expressions(maker):
    a = maker.inputs.any()
    return grouped(maker, f"{a.text} as x", a.columns("x"))


@shape("grouping", base=True, weight=2)
def grouping_sets(maker):
    """Grouping sets, rollup, cube, and which columns are grouped by."""
    a = maker.inputs.any(["n", "t", "m"])
    made = Expressions(maker.chance, a.columns("x"))
    sets = maker.pick(
        [
            "rollup (x.n, x.t)",
            "cube (x.n, x.t)",
            "grouping sets ((x.n), (x.t), ())",
            "grouping sets ((x.n, x.t), (x.n))",
            "x.n, rollup (x.t)",
            "grouping sets ((x.n), (x.n, x.t), (x.t))",
            "cube (x.n, x.t, x.m)",
            "rollup (x.t)",
        ]
    )
    known = [key for key in ("x.n", "x.t", "x.m") if key in sets]
    chosen = [made.aggregate(0) for _ in range(maker.chance.randint(1, 2))] + [
        (f"grouping({maker.pick(known)})", "int"),
        ("count(*)", "int"),
    ]
    listed = [(key, "text" if key == "x.t" else "int") for key in known] + chosen
    having = maker.pick(["", "", " having count(*) > 1", f" having grouping({known[0]}) = 0"])
    return query(f"select {named(text for text, _ in listed)} from {a.text} as x group by {sets}{having}", [type_ for _, type_ in listed])


@shape("grouping", base=True)
def distinct_aggregates(maker):
    a = maker.inputs.any(["n", "m"])
    made = Expressions(maker.chance, a.columns("x"))
    chosen = [
        f"count(distinct {made.any(1)[0]})",
        f"sum(distinct {made.of('int', 1)})",
        "count(*)",
        f"max({made.of('int', 0)})",
        f"count(distinct {made.any(0)[0]}) filter (where {made.condition(0)})",
    ]
    chosen = maker.some(chosen, 2, 4)
    key = maker.pick(["", "x.n", "x.m"])
    listed = ([key] if key else []) + chosen
    return query(f"select {named(listed)} from {a.text} as x" + (f" group by {key}" if key else ""), ["int"] * len(listed))


@shape("grouping", base=True, weight=2)
def quantiles(maker):
    """Medians and percentiles, several of one column."""
    a = maker.inputs.any(["n", "f", "d"])
    value = maker.pick(["x.f", "cast(x.d as double)", "cast(x.n as double)"])
    fractions = maker.some(["0", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "1"], 1, 3)
    chosen = [f"percentile_cont({f}) within group (order by {value})" for f in fractions] + [f"median({value})"]
    key = maker.pick(["", "x.n"])
    having = maker.maybe(0.3, f" having median({value}) > 0.25") if key else ""
    listed = ([key] if key else []) + chosen
    return query(
        f"select {named(listed)} from {a.text} as x" + (f" group by {key}{having}" if key else ""),
        (["int"] if key else []) + ["double"] * len(chosen),
    )


@shape("grouping")
def quantiles_told_apart(maker):
    """Parts of a union that differ in a quantile's fraction."""
    a = maker.inputs.any(["n", "f"])
    one, other = maker.some(["0.1", "0.5", "0.9", "0.99", "0.25"], 2, 2)
    part = "select {} as c0, percentile_cont({}) within group (order by x.f) as c1 from {} as x"
    parts = [part.format(1, one, a.text), part.format(2, other, a.text)]
    return related("together", " union all ".join(parts), *parts)


@shape("grouping", base=True)
def ordered_aggregates(maker):
    """What depends on an order within the group: texts put together, first and last."""
    a = maker.inputs.any(["n", "t", "m"])
    order = maker.pick(["x.id", "x.id desc", "x.m, x.id", "x.t desc nulls last, x.id", "x.m nulls first, x.id desc"])
    chosen = [
        (f"string_agg(x.t, ',' order by {order})", "text"),
        (f"{{first|first_value}}(x.t order by {order})", "text"),
        (f"{{last|last_value}}(x.m order by {order})", "int"),
        ("string_agg(distinct x.t, ';' order by x.t)", "text"),
        ("count(x.t)", "int"),
    ]
    chosen = maker.some(chosen, 1, 3)
    return query(
        f"select {named(['x.n'] + [text for text, _ in chosen])} from {a.text} as x group by x.n", ["int"] + [type_ for _, type_ in chosen]
    )


@shape("grouping", base=True)
def distinct_on(maker):
    a = maker.inputs.any(["n", "t"])
    keys = maker.pick(["x.n", "x.t", "x.n, x.t"])
    rest = maker.pick(["x.id", "x.id desc"])
    return query(
        f"select distinct on ({keys}) x.n as c0, x.t as c1, x.id as c2 from {a.text} as x order by {keys}, {rest}", ["int", "text", "int"]
    )


@shape("grouping", base=True)
def distinct_rows(maker):
    a = maker.inputs.any()
    made = Expressions(maker.chance, a.columns("x"))
    chosen = [made.any(1) for _ in range(maker.chance.randint(1, 3))]
    return query(f"select distinct {named(text for text, _ in chosen)} from {a.text} as x", [type_ for _, type_ in chosen])


@shape("grouping", base=True)
def group_of_groups(maker):
    a = maker.inputs.any(["n", "m"])
    made = Expressions(maker.chance, a.columns("x"))
    first, type_ = made.aggregate(1)
    inner = f"select x.n as k, x.m as l, {first} as v, count(*) as w from {a.text} as x group by x.n, x.m"
    outer = maker.pick(
        [
            ("k as c0, count(*) as c1, count(v) as c2, sum(w) as c3", " group by k"),
            ("count(distinct k) as c0, sum(w) as c1, count(*) as c2, max(l) as c3", ""),
            ("w as c0, count(*) as c1, min(k) as c2, max(l) as c3", " group by w"),
            ("k as c0, max(l) as c1, sum(w) as c2, count(*) as c3", " where w > 1 group by k having count(*) > 1"),
        ]
    )
    return query(f"select {outer[0]} from ({inner}) as g{outer[1]}", ["int"] * 4)


@shape("grouping", base=True)
def aggregates_of_nothing(maker):
    """Groupings of no row: one row without keys, none with them."""
    a = maker.inputs.any(["n"])
    made = Expressions(maker.chance, a.columns("x"))
    chosen = [made.aggregate(0) for _ in range(3)]
    none = maker.pick(["x.id < 0", "false", "x.n > x.n", "x.n is null and x.n > 0", "1 = 0"])
    key = maker.pick(["", "", " group by x.n", " group by rollup (x.n)", " group by grouping sets ((x.n), ())"])
    having = maker.maybe(0.2, " having count(*) = 0")
    return query(f"select {named(text for text, _ in chosen)} from {a.text} as x where {none}{key}{having}", [type_ for _, type_ in chosen])


@shape("grouping")
def having_of_averages(maker):
    """Conditions on averages of decimals."""
    a = maker.inputs.any(["n", "d"])
    test = maker.pick(
        [
            "round(avg(x.d), 2) > 1.55",
            "avg(x.d) >= 1.5",
            "avg(x.d) between 0.5 and 14.99",
            "sum(x.d) / count(*) > 1",
            "round(avg(x.d), 1) = 1.5",
            "max(x.d) - min(x.d) < 10",
            "avg(x.d) > 1.555",
        ]
    )
    return query(
        f"select x.n as c0, sum(x.d) as c1, count(*) as c2 from {a.text} as x group by x.n having {test}",
        ["int", "decimal", "int"],
        loose=1e-6,
    )
