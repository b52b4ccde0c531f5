"""Expressions, conditions and aggregates of a type, over given columns.

They mean the same in both engines and cannot fail: divisors are never zero,
numbers stay small, doubles are never NaN. What may fail or overflow has shapes of
its own.
"""

from inputs import SQL, VALUES

COMPARISONS = ["=", "<>", "<", "<=", ">", ">="]
FIELDS = ["year", "month", "day", "quarter", "doy", "dow", "week"]


class Expressions:
    """Makes expressions over columns, no deeper than asked."""

    def __init__(self, chance, columns):
        self.chance = chance
        self.columns = columns
        self.types = sorted({column.type for column in columns})

    def pick(self, values):
        return self.chance.choice(values)

    def column(self, *types):
        """A column of one of the types, or a literal where there is none."""
        fitting = [column.name for column in self.columns if column.type in types]
        return self.pick(fitting) if fitting else self.literal(types[0])

    def literal(self, type_):
        value = self.pick(VALUES[type_])
        return f"cast('{value}' as {SQL[type_]})" if type_ not in ("int", "text") or self.chance.random() < 0.2 else self.bare(type_, value)

    def bare(self, type_, value):
        if type_ == "text":
            return f"'{value}'"
        return f"({value})" if value.startswith("-") else value

    def any(self, depth=1, types=None):
        """An expression and its type."""
        type_ = self.pick(types or [t for t in self.types])
        return self.of(type_, depth), type_

    def of(self, type_, depth=1):
        if depth <= 0 or self.chance.random() < 0.3:
            return self.column(*(("int", "big") if type_ == "int" and self.chance.random() < 0.2 else (type_,)))
        if self.chance.random() < 0.25:
            return self.general(type_, depth - 1)
        return getattr(self, f"of_{type_}")(depth - 1)

    def general(self, type_, depth):
        """What there is for every type."""
        one, other = self.of(type_, depth), self.of(type_, depth)
        return self.pick(
            [
                f"coalesce({one}, {other})",
                f"nullif({one}, {other})",
                f"case when {self.condition(depth)} then {one} else {other} end",
                f"case when {self.condition(depth)} then {one} end",
                f"greatest({one}, {other})",
                f"least({one}, {other})",
            ]
        )

    def of_int(self, depth):
        one, other = self.of("int", depth), self.column("int")
        return self.pick(
            [
                f"({one} + {other})",
                f"({one} - {other})",
                f"{one} * {self.chance.randint(-3, 9)}",
                f"{one} {{//|/}} {self.pick([2, 3, 7, 10])}",
                f"{one} % {self.pick([2, 3, 7, 10])}",
                f"{one} {{//|/}} nullif({other}, 0)",
                f"abs({one})",
                f"- {self.column('int')}",
                f"length({self.of('text', depth)})",
                f"strpos({self.of('text', depth)}, 'b')",
                f"cast({self.column('decimal')} as integer)",
                f"cast({self.column('bool')} as integer)",
                f"extract({self.pick(FIELDS)} from {self.of('date', depth)})",
                f"cast(extract(hour from {self.of('timestamp', depth)}) as integer)",
            ]
        )

    def of_big(self, depth):
        return self.pick(
            [
                f"({self.of('big', depth)} + {self.of('int', depth)})",
                f"cast({self.of('int', depth)} as bigint)",
                f"{self.of('big', depth)} % 10007",
            ]
        )

    def of_double(self, depth):
        one = self.of("double", depth)
        return self.pick(
            [
                f"({one} + {self.column('double')})",
                f"({one} - {self.column('double')})",
                f"{one} * {self.pick([2, 4, -1])}",
                f"{one} / 4",
                f"abs({one})",
                f"floor({one})",
                f"ceil({one})",
                f"round({one})",
                f"cast({self.of('int', depth)} as double)",
            ]
        )

    def of_decimal(self, depth):
        one = self.of("decimal", depth)
        return self.pick(
            [
                f"({one} + {self.column('decimal')})",
                f"({one} - {self.column('decimal')})",
                f"{one} * {self.pick([2, -1, 3])}",
                f"round({one}, {self.pick([0, 1, 2])})",
                f"abs({one})",
                f"cast({one} as decimal(12,1))",
                f"cast({self.column('int')} as decimal(12,2))",
            ]
        )

    def of_text(self, depth):
        one = self.of("text", depth)
        return self.pick(
            [
                f"upper({one})",
                f"lower({one})",
                f"concat({one}, {self.of('text', depth)})",
                f"({one} || {self.column('text')})",
                f"substr({one}, {self.pick([1, 2])}, {self.pick([0, 1, 5])})",
                f"trim({one})",
                f"replace({one}, 'a', 'ba')",
                f"left({one}, 2)",
                f"right({one}, 2)",
                f"reverse({one})",
                f"lpad({one}, 3, '-')",
                f"rpad({one}, 4, '*')",
                f"split_part({one}, 'b', 1)",
                f"repeat({one}, 2)",
                f"cast({self.column('int')} as varchar)",
                f"cast({self.column('date')} as varchar)",
                f"cast({self.column('bool')} as varchar)",
                f"cast({self.column('decimal')} as varchar)",
            ]
        )

    def of_date(self, depth):
        one = self.of("date", depth)
        unit = self.pick(["month", "year", "quarter", "week"])
        return self.pick(
            [
                f"cast(date_trunc('{unit}', {one}) as date)",
                f"cast({one} + interval '{self.chance.randint(1, 40)} days' as date)",
                f"cast({one} - interval '{self.chance.randint(1, 14)} months' as date)",
                f"cast({self.of('timestamp', depth)} as date)",
            ]
        )

    def of_timestamp(self, depth):
        one = self.of("timestamp", depth)
        return self.pick(
            [
                f"date_trunc('{self.pick(['month', 'day', 'hour', 'minute', 'week'])}', {one})",
                f"({one} + interval '{self.chance.randint(1, 90)} minutes')",
                f"({one} - interval '{self.chance.randint(1, 40)} days')",
                f"cast({self.of('date', depth)} as timestamp)",
            ]
        )

    def of_bool(self, depth):
        return f"({self.condition(depth)})"

    def condition(self, depth=1):
        if depth > 0 and self.chance.random() < 0.45:
            one, other = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick(
                [
                    f"({one} and {other})",
                    f"({one} or {other})",
                    f"not ({one})",
                    f"({one}) is null",
                    f"({one}) is not true",
                    f"({one}) is distinct from ({other})",
                    f"({one}) is not false",
                ]
            )
        type_ = self.pick(self.types)
        if type_ == "bool" and self.chance.random() < 0.5:
            return self.pick(
                [self.column("bool"), f"not {self.column('bool')}", f"{self.column('bool')} is not true", f"{self.column('bool')} = false"]
            )
        return self.comparison(type_, depth)

    def comparison(self, type_, depth=0):
        one = self.of(type_, depth)
        other = self.pick([self.literal(type_), self.literal(type_), self.column(type_)])
        kind = self.chance.random()
        if kind < 0.5:
            return f"{one} {self.pick(COMPARISONS)} {other}"
        if kind < 0.6:
            return f"{one} is {self.pick(['null', 'not null'])}"
        if kind < 0.7:
            return f"{one} is {self.pick(['', 'not '])}distinct from {other}"
        if kind < 0.85:
            listed = ", ".join(self.literal(type_) for _ in range(self.chance.randint(1, 4)))
            listed += self.pick(["", "", ", null"])
            return f"{one} {self.pick(['in', 'not in'])} ({listed})"
        if type_ == "text" and kind < 0.95:
            return f"{one} {self.pick(['like', 'not like', 'ilike'])} '{self.pick(['a%', '%b%', '_', '%', 'A_c', '%ä', ''])}'"
        return f"{one} {self.pick(['', 'not '])}between {self.literal(type_)} and {other}"

    def aggregate(self, depth=1, filtered=0.2):
        """An aggregate and the type of its answer."""
        text, type_ = self.plain_aggregate(depth)
        if self.chance.random() < filtered:
            text += f" filter (where {self.condition(1)})"
        return text, type_

    def plain_aggregate(self, depth):
        kind = self.chance.random()
        if kind < 0.15:
            return "count(*)", "int"
        if kind < 0.35:
            one, _ = self.any(depth)
            return f"count({self.pick(['', 'distinct '])}{one})", "int"
        if kind < 0.6:
            type_ = self.pick(["int", "double", "decimal"])
            word = self.pick(["sum", "sum", "avg", "sum_distinct"])
            one = self.of(type_, depth)
            if word == "avg":
                return f"avg(cast({one} as double))", "double"
            return (f"sum(distinct {one})" if word == "sum_distinct" else f"sum({one})"), type_
        if kind < 0.9:
            types = [t for t in self.types if t != "bool"] or ["int"]
            one, type_ = self.any(depth, types)
            return f"{self.pick(['min', 'max'])}({one})", type_
        if kind < 0.95:
            return f"{self.pick(['bool_and', 'bool_or'])}({self.condition(0)})", "bool"
        return (
            (
                f"percentile_cont({self.pick(['0.5', '0.9', '0.25', '0', '1'])}) within group (order by cast({self.of('double', 0)} as"
                " double))"
            ),
            "double",
        )


def named(expressions, start=0):
    """Expressions as c0, c1, ..."""
    return ", ".join(f"{text} as c{at}" for at, text in enumerate(expressions, start))
