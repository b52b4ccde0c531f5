"""Numbers: arithmetic near the ends of types, decimals, casts that lose digits."""

from cases import query, shape
from expressions import COMPARISONS

NEAR_THE_ENDS = {
    "integer": ["2147483647", "-2147483648", "50000", "46341", "-1", "1", "2", "0", "65536", "-50000"],
    "bigint": ["9223372036854775807", "-9223372036854775808", "5000000000", "3037000500", "-1", "1", "2", "0", "-5000000000"],
}


def near_the_ends(maker, columns=2):
    """Integers near overflow; DuckDB holds them as hugeints. Its text and type."""
    type_ = maker.pick(["integer", "bigint", "bigint"])
    names = "abc"[:columns]
    rows = ", ".join(
        "(" + ", ".join(["'%d'" % at] + [f"'{maker.pick(NEAR_THE_ENDS[type_])}'" for _ in names]) + ")"
        for at in range(maker.chance.randint(1, 4))
    )
    casts = ", ".join(f"cast(cast(v.{name} as {type_}) as {{hugeint|{type_}}}) as {name}" for name in names)
    return f"(select cast(v.id as integer) as id, {casts} from (values {rows}) as v(id, {', '.join(names)}))", type_


@shape("numbers", base=True, weight=2)
def integers_near_overflow(maker):
    """Sums, differences, products, negations: the right number or an error."""
    text, _ = near_the_ends(maker)
    words = maker.pick(
        [
            "x.a + x.b",
            "x.a * x.b",
            "x.a - x.b",
            "- x.a",
            "abs(x.a)",
            "x.a + 1",
            "x.a * 2",
            "x.a - 1",
            "x.a * x.a",
            "x.a * x.b - 1",
            "x.a {//|/} -1",
            "x.a % -1 + x.b",
            "(x.a + x.b) {//|/} 2",
        ]
    )
    return query(
        maker.pick(
            [
                f"select x.id as c0, {words} as c1 from {text} as x",
                f"select x.id as c0, {words} as c1 from {text} as x where {words} > 0",
                f"select count(*) as c0, max({words}) as c1 from {text} as x",
            ]
        ),
        ["int", "int"],
    )


@shape("numbers", base=True)
def constants_near_overflow(maker):
    """The same of constants, which planning computes."""
    type_ = maker.pick(["integer", "bigint", "bigint"])
    one, other = (
        f"cast(cast({value if not value.startswith('-') else repr(value)} as {type_}) as {{hugeint|{type_}}})"
        for value in (maker.pick(NEAR_THE_ENDS[type_]), maker.pick(NEAR_THE_ENDS[type_]))
    )
    bare = (
        f"{{cast(5000000000 as hugeint)|5000000000}} {maker.pick(['*', '+', '-'])} {maker.pick(['5000000000', '9223372036854775807', '2'])}"
    )
    return query(
        f"select {maker.pick([f'{one} + {other}', f'{one} * {other}', f'{one} - {other}', bare, f'{one} + 1', f'- ({one})'])} as c0",
        ["int"],
    )


@shape("numbers", base=True, weight=2)
def sums_near_overflow(maker):
    """Sums of groups and windows that leave the type."""
    text, _ = near_the_ends(maker)
    return query(
        maker.pick(
            [
                f"select sum(x.a) as c0, count(*) as c1 from {text} as x",
                f"select sum(x.a) as c0, x.id % 2 as c1 from {text} as x group by x.id % 2",
                f"select sum(x.a) over (order by x.id) as c0, x.id as c1 from {text} as x",
                f"select sum(x.a) filter (where x.b > 0) as c0, count(*) as c1 from {text} as x",
                f"select sum(x.a) as c0, sum(x.b) as c1 from {text} as x",
                f"select sum(distinct x.a) as c0, count(*) as c1 from {text} as x",
                f"select sum(x.a * 1) as c0, max(x.b) as c1 from {text} as x",
            ]
        ),
        ["int", "int"],
    )


@shape("numbers", base=True)
def decimals_near_their_ends(maker):
    """Decimals of many digits: sums, differences, products, comparisons."""
    values = ["99999999.99", "0.01", "-99999999.99", "12345678.91", "1.00", "0.00", "-0.01"]
    rows = ", ".join(
        f"({at}, cast('{maker.pick(values)}' as decimal(10,2)), cast('{maker.pick(values)}' as decimal(12,4)))"
        for at in range(maker.chance.randint(1, 5))
    )
    words = maker.pick(
        [
            "v.a + v.b",
            "v.a - v.b",
            "v.a * v.b",
            "v.a * v.a",
            "- v.a",
            "v.a * 3",
            "cast(v.a as decimal(18,6)) * v.b",
            "round(v.b, 1)",
            "cast(v.b as decimal(12,1))",
            "v.a + 1",
            "abs(v.a - v.b)",
            "v.a % 3",
        ]
    )
    return query(
        maker.pick(
            [
                f"select v.id as c0, {words} as c1 from (values {rows}) as v(id, a, b)",
                f"select count(*) as c0, sum({words}) as c1 from (values {rows}) as v(id, a, b)",
                f"select v.id as c0, {words} as c1 from (values {rows}) as v(id, a, b) where {words} > 0.5",
            ]
        ),
        ["int", "decimal"],
    )


@shape("numbers")
def ratios_of_decimals(maker):
    """Divisions and averages have enough digits."""
    a = maker.inputs.any(["n", "d"])
    words = maker.pick(
        [
            "x.d / 3.0",
            "x.d / nullif(x.n, 0)",
            "avg(x.d)",
            "sum(x.d) / count(*)",
            "sum(x.d) / nullif(sum(x.n), 0)",
            "x.d / 7",
            "1 / 3.0",
            "2.0 / 3",
            "x.n / 3.0",
            "avg(x.d) * 100",
            "x.d / nullif(x.d, 0)",
            "1.0 * x.n / 3",
        ]
    )
    if "(" in words and "nullif(x.n, 0)" not in words and "nullif(x.d" not in words:
        return query(f"select x.n as c0, {words} as c1 from {a.text} as x group by x.n", ["int", "decimal"], loose=1e-6)
    return query(f"select x.id as c0, {words} as c1 from {a.text} as x", ["int", "decimal"], loose=1e-6)


@shape("numbers", base=True)
def casts_to_integers(maker):
    """Numbers become whole ones; decimals round half away from zero."""
    a = maker.inputs.any(["d", "n"])
    one = maker.pick(
        [
            "cast(x.d as integer)",
            "cast(x.d as bigint)",
            "cast(x.d * 2 as integer)",
            "cast(cast(x.d as varchar) as decimal(10,2))",
            "cast(x.d + 0.5 as integer)",
        ]
    )
    return query(
        maker.pick(
            [f"select x.id as c0, {one} as c1 from {a.text} as x", f"select {one} as c0, count(*) as c1 from {a.text} as x group by 1"]
        ),
        ["int", "int"],
    )


@shape("numbers", base=True)
def casts_of_literals(maker):
    values = [f"{sign}{maker.chance.randint(0, 9)}.{fraction}" for sign in ("", "-") for fraction in ("5", "49", "51", "7")]
    return query(
        f"select cast({maker.pick(values)} as integer) as c0, cast({maker.pick(values)} as bigint) as c1, cast(cast({maker.pick(values)} as"
        " double) * 4 as integer) as c2",
        ["int"] * 3,
    )


@shape("numbers", base=True, weight=2)
def casts_compared(maker):
    """Casts that lose digits, compared with constants and lists."""
    a = maker.inputs.any(["d", "f", "at", "b", "t"])
    number = maker.pick([1, 2, 3, 10, 15, 0])
    one = maker.pick(["cast(x.d as integer)", "cast(x.d as bigint)", "cast(x.d as decimal(10,1))", "cast(x.d as smallint)"])
    test = maker.pick(
        [
            f"{one} = {number}",
            f"{one} in ({number}, {number + 1}, 100)",
            f"{one} <> {number}",
            f"{one} < {number}",
            f"{one} >= {number}",
            f"{one} between {number} and {number + 2}",
            f"not ({one} = {number})",
            "cast(x.at as date) = date '2024-01-01'",
            "cast(x.at as date) > date '2024-01-31'",
            "cast(x.at as date) in (date '2024-02-29', date '1969-12-31')",
            "cast(floor(x.f) as integer) = 1",
            f"cast(x.t as varchar) = '{number}'",
            "cast(x.d as double) = 1.5",
            "cast(x.b as double) = 2",
        ]
    )
    return query(
        maker.pick(
            [
                f"select x.id as c0, {test} as c1 from {a.text} as x",
                f"select x.id as c0, true as c1 from {a.text} as x where {test}",
                f"select count(*) as c0, bool_or({test}) as c1 from {a.text} as x where {test}",
            ]
        ),
        ["int", "bool"],
    )


@shape("numbers")
def doubles_and_decimals(maker):
    """Decimal constants beside doubles are doubles."""
    a = maker.inputs.any(["f", "d"])
    number = maker.pick(["0.25", "0.5", "1.5", "2.5", "100.75", "0.1", "1e3"])
    test = maker.pick(
        [
            f"x.f = {number}",
            f"x.f in ({number}, 1)",
            f"x.f > {number}",
            f"x.f between {number} and 3",
            f"coalesce(x.f, {number}) = {number}",
            "x.d = x.f",
            f"x.f * 1.0 = {number}",
            f"case when x.f > 1 then x.f else 0.5 end = {number}",
        ]
    )
    return query(
        maker.pick(
            [
                f"select x.id as c0, {test} as c1 from {a.text} as x",
                f"select count(*) as c0, bool_and({test}) as c1 from {a.text} as x where {test}",
            ]
        ),
        ["int", "bool"],
    )
