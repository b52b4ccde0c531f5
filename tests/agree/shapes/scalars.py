"""Values of a row: truth, texts, powers, guarded divisions, NaN and minus zero."""

from cases import query, related, shape
from expressions import COMPARISONS, Expressions, named


@shape("scalars", base=True)
def guarded_divisions(maker):
    """Divisions that a condition before them guards."""
    a = maker.inputs.any(["n", "m"])
    test = maker.pick(
        [
            "x.n <> 0 and x.m {//|/} x.n >= 1",
            "x.n > 0 and x.m % x.n = 0",
            "case when x.n = 0 then false else x.m {//|/} x.n > 0 end",
            "x.n = 0 or x.m {//|/} x.n > 1",
            "(x.n is null or x.n <> 0) and x.m {//|/} x.n < 5",
        ]
    )
    return query(
        maker.pick(
            [
                f"select x.id as c0, x.n as c1 from {a.text} as x where {test}",
                f"select x.id as c0, case when x.n <> 0 then x.m {{//|/}} x.n end as c1 from {a.text} as x",
                f"select count(*) as c0, max(case when x.n <> 0 then x.m % x.n end) as c1 from {a.text} as x where {test}",
            ]
        ),
        ["int", "int"],
    )


@shape("scalars", base=True, weight=2)
def three_truths(maker):
    """Conditions of true, false and null, `is distinct from` beside `and` and `or`."""
    words = [maker.pick(["true", "false", "cast(null as boolean)", "x.ok", "(x.n = 1)", "(x.n > 1)"]) for _ in range(4)]
    signs = [maker.pick(["is distinct from", "is not distinct from", "is distinct from", "="])] + [
        maker.pick(["and", "or"]) for _ in range(2)
    ]
    maker.chance.shuffle(signs)
    text = f"{maker.maybe(0.3, 'not ')}{words[0]} {signs[0]} {words[1]} {signs[1]} {words[2]} {signs[2]} {words[3]}"
    a = maker.inputs.small(["ok", "n"])
    return query(
        maker.pick(
            [f"select x.id as c0, {text} as c1 from {a.text} as x", f"select x.id as c0, true as c1 from {a.text} as x where {text}"]
        ),
        ["int", "bool"],
    )


@shape("scalars", base=True, weight=2)
def expressions(maker):
    """Any expressions, deeper than elsewhere."""
    a = maker.inputs.any()
    made = Expressions(maker.chance, a.columns("x"))
    chosen = [made.any(3) for _ in range(maker.chance.randint(1, 3))]
    where = maker.maybe(0.4, f" where {made.condition(2)}")
    return query(
        f"select {named(['x.id', *(text for text, _ in chosen)])} from {a.text} as x{where}", ["int"] + [type_ for _, type_ in chosen]
    )


@shape("scalars", base=True)
def texts(maker):
    """Texts cut, filled, found and compared, with those of several bytes and empty ones."""
    a = maker.inputs.any(["t", "u"])
    made = Expressions(maker.chance, [column for column in a.columns("x") if column.type in ("text", "int")])
    chosen = [made.of("text", 2) for _ in range(2)] + [f"length({made.of('text', 1)})"]
    where = maker.maybe(0.5, f" where {made.comparison('text', 1)}")
    return query(f"select {named(['x.id', *chosen])} from {a.text} as x{where}", ["int", "text", "text", "int"])


@shape("scalars", base=True)
def patterns(maker):
    """`like`, `ilike` and `similar to`."""
    a = maker.inputs.any(["t"])
    like = maker.pick(["a%", "%b%", "_", "%", "", "%b", "a_c", "x y", "__"])
    similar, theirs = maker.pick(
        [
            ("b", "b"),
            ("%b%", "(?s).*b.*"),
            ("a%", "(?s)a.*"),
            ("(a|b)", "a|b"),
            ("a_", "(?s)a."),
            ("(a|b)+", "(a|b)+"),
            ("%(x|z)%", "(?s).*(x|z).*"),
        ]
    )
    theirs, similar = theirs.replace("|", "¦"), similar.replace("|", "¦")
    text = maker.pick(
        [
            f"x.t {maker.pick(['like', 'not like', 'ilike'])} '{like}'",
            f"{{regexp_full_match(x.t, '{theirs}')|x.t similar to '{similar}'}}",
            f"not ({{regexp_full_match(x.t, '{theirs}')|x.t similar to '{similar}'}})",
        ]
    )
    return query(
        maker.pick(
            [f"select x.id as c0, {text} as c1 from {a.text} as x", f"select x.id as c0, true as c1 from {a.text} as x where {text}"]
        ),
        ["int", "bool"],
    )


@shape("scalars", base=True)
def powers_and_bits(maker):
    """Powers and bits of whole numbers, lengths of lists."""
    a = maker.inputs.small(["n"])
    n = maker.chance.randint(0, 6)
    lengths = [f"array_length([{', '.join('1' * maker.chance.randint(1, 4))}])" for _ in range(2)]
    words = maker.pick(
        [
            f"{maker.chance.randint(1, 10)} ^ {n}",
            f"x.n ^ {maker.pick([2, 3])}",
            f"power(x.n, {maker.pick([2, 3])})",
            f"x.n & {n}",
            f"x.n | {n}",
            f"{lengths[0]} - {lengths[1]}",
            f"x.id - {lengths[0]}",
            "length('ab') - length('abcd')",
            "length('a') - x.id",
            "sqrt(x.id * x.id)",
        ]
    )
    return query(f"select x.id as c0, {words} as c1 from {a.text} as x", ["int", "double"])


def doubles(maker):
    """Doubles with NaN and both zeros; a text tells which is which."""
    values = ["NaN", "NaN", "0.0", "-0.0", "1", "-1", "Infinity", "-Infinity", None]
    cells = [maker.pick(values) for _ in range(maker.chance.randint(1, 7))]
    rows = ", ".join(f"({at}, '{maker.pick('xy')}', cast({'null' if c is None else repr(c)} as double))" for at, c in enumerate(cells))
    return f"(values {rows})", "v(id, g, f)"


def told(value):
    return (
        f"case when {value} is null then 'null' when {value} = cast('NaN' as double) then 'NaN' when {value} = cast('Infinity' as double)"
        f" then 'inf' when {value} = cast('-Infinity' as double) then '-inf' else cast(cast({value} as integer) as varchar) end"
    )


@shape("scalars", base=True, weight=2)
def not_a_number(maker):
    """NaN is greatest and equal to itself: extremes, groups, orders, joins, conditions."""
    rows, names = doubles(maker)
    source = f"{rows} as {names}"
    return query(
        maker.pick(
            [
                (
                    f"select q.g as c0, {told('q.a')} as c1, {told('q.b')} as c2 from (select v.g, max(v.f) as a, min(v.f) as b from"
                    f" {source} group by v.g) as q"
                ),
                (
                    f"select 'all' as c0, {told('q.a')} as c1, {told('q.b')} as c2 from (select max(v.f) as a, min(v.f) as b from {source})"
                    " as q"
                ),
                (
                    f"select {told('q.f')} as c0, cast(q.n as varchar) as c1, 'x' as c2 from (select v.f, count(*) as n from {source} group"
                    " by v.f) as q"
                ),
                (
                    f"select {told('v.f')} as c0, cast(rank() over (order by v.f{maker.pick(['', ' desc'])}) as varchar) as c1, v.g as c2"
                    f" from {source}"
                ),
                (
                    f"select {told('v.f')} as c0, v.g as c1, cast(v.id as varchar) as c2 from {source} where v.f {maker.pick(COMPARISONS)}"
                    f" {maker.pick(['cast({} as double)'.format(repr('NaN')), '0', 'v.f', '1'])}"
                ),
                (
                    f"with v as (select * from {source}) select {told('x.f')} as c0, {told('y.f')} as c1, 'x' as c2 from v as x join v as y"
                    " on x.f = y.f"
                ),
                (
                    f"select {told('max(v.f) over (partition by v.g order by v.id)')} as c0, {told('min(v.f) over (order by v.id)')} as c1,"
                    f" cast(v.id as varchar) as c2 from {source}"
                ),
                f"select distinct {told('v.f')} as c0, {told('greatest(v.f, 0)')} as c1, {told('least(v.f, 1)')} as c2 from {source}",
                (
                    f"select cast(count(distinct v.f) as varchar) as c0, {told('q')} as c1, 'x' as c2 from (select v.f, max(v.f) over () as"
                    f" q from {source}) as v group by q"
                ),
            ]
        ),
        ["text"] * 3,
    )


@shape("scalars", base=True, weight=2)
def minus_zero(maker):
    """Minus zero is zero: in lists, groups, ranks, joins, sets; of few rows and of a table's."""
    source = maker.pick(
        [
            (
                "(select v.id, v.f from (values (1, cast('-0.4' as double)), (2, cast('0.4' as double)), (3, cast('0.9' as double)), (4,"
                " cast('-0.0' as double))) as v(id, f))"
            ),
            "(select s.session_id as id, s.completion_rate - 0.5 as f from watch_sessions as s where s.session_id % 97 = 1)",
            f"(select g.i as id, cast(g.i % 7 - 3 as double) / 5 as f from generate_series(1, {maker.chance.randint(5, 3000)}) as g(i))",
        ]
    )
    zero = maker.pick(["round(x.f)", "x.f * 0", "x.f * -0.0", "- x.f * 0", "ceil(x.f)"])
    return query(
        maker.pick(
            [
                f"select count(*) as c0, 1 as c1 from {source} as x where {zero} in (0, 2)",
                f"select count(*) as c0, 1 as c1 from {source} as x where {zero} = 0",
                (
                    f"select max(q.r) as c0, count(*) as c1 from (select rank() over (order by {zero}) as r from {source} as x where x.f <"
                    " 0.45) as q"
                ),
                f"select cast(abs({zero}) as integer) as c0, count(*) as c1 from {source} as x group by {zero}",
                f"select count(distinct {zero}) as c0, count(*) as c1 from {source} as x",
                f"select count(*) as c0, 1 as c1 from (select {zero} as z from {source} as x union select 0.0) as q where q.z = 0",
                f"select count(*) as c0, 1 as c1 from {source} as x where {zero} not in (0, 3)",
                f"select count(*) as c0, 1 as c1 from {source} as x where {zero} < 0",
                (
                    f"with a as (select {zero} as z from {source} as x where x.id < 300) select count(*) as c0, 1 as c1 from a join (select"
                    " cast(0 as double) as z) as b on a.z = b.z"
                ),
                f"select count(*) as c0, 1 as c1 from {source} as x where nullif({zero}, 0) is null",
                f"select count(*) as c0, 1 as c1 from {source} as x where {zero} in (select cast(0 as double))",
            ]
        ),
        ["int", "int"],
    )


@shape("scalars")
def samples(maker):
    """A sample of everything is everything, of nothing nothing; the others depend on chance."""
    share, table = maker.pick([100, 0]), maker.pick(["users", "titles"])
    return query(f"select count(*) as c0 from {table} as x {{tablesample {share}%|tablesample ({share} percent)}}", ["int"])


@shape("scalars")
def no_columns(maker):
    """A select without columns is no answer."""
    a = maker.inputs.small()
    return related("refused", f"select from {a.text} as x")
