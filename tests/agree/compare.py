"""Whether two answers are the same, and whether answers belong together.

Values are compared by the type that DuckDB says they have: whole numbers and
decimals as they are, doubles to the case's looseness, moments without what is
only their writing. `design.RULES` has the reasons.
"""

import math
import re
from collections import Counter
from decimal import Decimal, InvalidOperation

from answers import Refused, Rows

MOMENT = re.compile(r"(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?Z?$")
NO_NUMBER = {"nan", "inf", "-inf", "infinity", "-infinity"}


def plain(value):
    """A value as it is compared: none, truth, number or text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else value
    if isinstance(value, (int, Decimal)):
        return int(value) if value == int(value) else value
    return moment(str(value))


def moment(text):
    """A day for a moment at its beginning; otherwise without zeros at the end."""
    found = MOMENT.match(text)
    if not found:
        return text
    day, time, fraction = found.groups()
    fraction = (fraction or "").rstrip("0").rstrip(".")
    return day if time == "00:00:00" and not fraction else f"{day} {time}{fraction}"


def number(value):
    """A text that is a number as one, for columns that are numbers."""
    if isinstance(value, str):
        if value.lower() in NO_NUMBER:
            return None
        try:
            return plain(Decimal(value))
        except InvalidOperation:
            return value
    return value


def is_number(type_):
    return bool(re.match(r"U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|DECIMAL|DOUBLE|FLOAT", type_))


def rows_of(found, names, types):
    """Cinelake's rows in the order of DuckDB's columns; none where a column is missing."""
    rows = []
    for row in found.rows:
        values = [plain(row.get(name)) for name in names]
        rows.append(tuple(number(v) if is_number(t) else v for v, t in zip(values, types)))
    return rows


def same(one, other, loose):
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    numbers = (int, float, Decimal)
    if isinstance(one, numbers) and isinstance(other, numbers):
        exact = isinstance(one, int) and isinstance(other, int) or isinstance(one, Decimal) and isinstance(other, Decimal)
        if exact and loose <= 1e-9:
            return one == other
        return math.isclose(one, other, rel_tol=loose, abs_tol=max(loose, 1e-9))
    return one == other


def key(row):
    """Rows in an order that digits at the end of doubles hardly change."""
    exact, rough = [], []
    for value in row:
        if isinstance(value, (float, Decimal)):
            exact.append((1, ""))
            rough.append(float(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            exact.append((1, ""))
            rough.append(value)
        else:
            exact.append((value is not None, f"{type(value).__name__} {value}"))
            rough.append(0)
    return exact, rough


def difference(expected, found, ordered=False, loose=1e-9):
    """What differs between DuckDB's answer and cinelake's, in words; none where nothing does."""
    theirs = [tuple(plain(value) for value in row) for row in expected.rows]
    if found.rows and len(expected.names) != len(found.names):
        return f"columns {', '.join(found.names)} instead of {', '.join(expected.names)}"
    named = {*expected.names} == {*found.names}
    ours = rows_of(found, expected.names if named else found.names, expected.types)
    if len(theirs) != len(ours):
        return f"{len(ours)} rows instead of {len(theirs)}"
    if not ordered:
        theirs, ours = sorted(theirs, key=key), sorted(ours, key=key)
    for one, other in zip(theirs, ours):
        if not all(same(a, b, loose) for a, b in zip(one, other)):
            return f"{shown(other)} instead of {shown(one)}"
    return None


def shown(row):
    return "(" + ", ".join("null" if v is None else str(v) if isinstance(v, (int, float, Decimal)) else repr(v) for v in row) + ")"


def bag(answer):
    """The rows by position, as they are counted; numbers to some digits."""

    def rough(value):
        value = plain(number(value) if isinstance(value, str) and re.fullmatch(r"-?\d+\.\d+", value) else value)
        return f"{float(value):.6e}" if isinstance(value, (float, Decimal)) else value

    return Counter(tuple(rough(v) for v in (row.values() if isinstance(row, dict) else row)) for row in answer.rows)


def unrelated(relation, answers):
    """What is wrong between answers that belong together; none where nothing is."""
    if relation == "refused":
        return None if isinstance(answers[0], Refused) else "answered, where there is nothing to answer"
    if not relation or not all(isinstance(answer, Rows) for answer in answers):
        return None
    first, others = answers[0], answers[1:]
    if relation == "sum":
        numbers = [next(iter(bag(answer)))[0] for answer in answers]
        return None if numbers[0] == sum(numbers[1:]) else f"{numbers[0]} is not the sum of {numbers[1:]}"
    if relation == "together":
        whole, parts = bag(first), sum((bag(other) for other in others), Counter())
        return None if whole == parts else f"the whole and its parts differ: {sample(whole, parts)}"
    for other in others:
        if bag(first) != bag(other):
            return f"two ways to say the same differ: {sample(bag(first), bag(other))}"
    return None


def sample(one, other):
    more, less = one - other, other - one
    return f"only in the first {list(more.items())[:2]}, only in the others {list(less.items())[:2]}"
