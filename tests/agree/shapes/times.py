"""Dates, times and intervals: differences, comparisons, parts, beginnings, additions."""

from cases import query, related, shape
from expressions import COMPARISONS, named

INTERVALS = [
    "1 day",
    "24 hours",
    "30 hours",
    "36 hours",
    "1 month",
    "30 days",
    "40 days",
    "90 minutes",
    "2 days",
    "1 year",
    "12 months",
    "0 days",
    "29 days",
    "3600 seconds",
]
UNITS = ["year", "quarter", "month", "week", "day"]
PARTS = ["year", "month", "day", "hour", "minute", "quarter", "doy", "dow", "week"]


def moments(maker):
    return maker.inputs.small(["at", "day"])


@shape("times", base=True)
def date_differences(maker):
    """Days between dates, as numbers."""
    a = maker.inputs.any(["day", "n"])
    number = maker.chance.randint(-400, 400)
    one = maker.pick(["x.day - date '2024-01-15'", "date '2024-02-29' - x.day", "x.day - x.day"])
    return query(
        maker.pick(
            [
                f"select x.id as c0, {one} as c1 from {a.text} as x",
                f"select count(*) as c0, max({one}) as c1 from {a.text} as x where {one} > {number}",
                f"select x.n as c0, sum({one}) as c1 from {a.text} as x group by x.n",
                f"select x.id as c0, ({one}) * 2 + 1 as c1 from {a.text} as x where {one} {maker.pick(COMPARISONS)} {number}",
                f"select x.id as c0, x.n as c1 from {a.text} as x where {one} between {number} and {number + 100}",
                f"select x.id as c0, abs({one}) as c1 from {a.text} as x",
            ]
        ),
        ["int", "int"],
    )


@shape("times", base=True, weight=2)
def differences_against_intervals(maker):
    """Differences of times compared with intervals."""
    a = moments(maker)
    one = maker.pick(
        ["x.at - timestamp '2024-01-01 00:00:00'", "timestamp '2024-03-01 12:00:00' - x.at", "x.at - cast(x.day as timestamp)"]
    )
    condition = f"{one} {maker.pick(COMPARISONS)} interval '{maker.pick(INTERVALS[:4] + INTERVALS[7:9] + ['3 days', '20 hours'])}'"
    return query(
        maker.pick(
            [
                f"select x.id as c0, {condition} as c1 from {a.text} as x",
                f"select count(*) as c0, bool_or({condition}) as c1 from {a.text} as x where {condition}",
            ]
        ),
        ["int", "bool"],
    )


@shape("times", base=True)
def intervals_compared(maker):
    """A month is thirty days and a day is 24 hours, when intervals are compared."""
    one, other, third = (f"interval '{maker.pick(INTERVALS)}'" for _ in range(3))
    compared = maker.pick(COMPARISONS)
    return query(
        maker.pick(
            [
                f"select {one} {compared} {other} as c0, {other} = {third} as c1",
                f"select v.a {compared} v.b as c0, v.b > {third} as c1 from (values ({one}, {other}), ({third}, {one})) as v(a, b)",
                f"select x.id > 0 as c0, {one} + {other} {compared} {third} as c1 from {maker.inputs.small().text} as x",
                f"select count(distinct v.a) = 2 as c0, max(v.a) = {one} as c1 from (values ({one}), ({other}), ({third})) as v(a)",
            ]
        ),
        ["bool", "bool"],
    )


@shape("times", base=True)
def parts_of_times(maker):
    a = maker.inputs.any(["at", "day"])
    chosen = [
        f"extract({maker.pick(PARTS)} from x.at)",
        f"date_part('{maker.pick(PARTS)}', x.at)",
        f"extract({maker.pick(PARTS[:3] + PARTS[5:])} from x.day)",
        "extract(minute from x.at)",
    ]
    return query(f"select {named(['x.id', *maker.some(chosen, 1, 3)])} from {a.text} as x", ["int"] * 2)


@shape("times", base=True, weight=2)
def seconds_of_differences(maker):
    """Seconds, hours and days of differences, with fractions."""
    a = moments(maker)
    one = maker.pick(
        [
            "x.at - timestamp '2024-01-01 00:00:00'",
            "x.at - timestamp '1955-01-01 00:00:00'",
            "timestamp '2024-03-01 12:00:01.9' - x.at",
            "x.at - cast(x.day as timestamp)",
        ]
    )
    part = maker.pick(["epoch", "epoch", "hour", "minute", "day"])
    around = maker.pick(["{}", "round(cast({} as double) * 10)", "{} > 86400"])
    return query(
        f"select x.id as c0, {around.format(f'extract({part} from {one})')} as c1 from {a.text} as x",
        ["int", "bool" if ">" in around else "double"],
    )


@shape("times", base=True)
def seconds_of_moments(maker):
    a = maker.inputs.any(["at", "day"])
    chosen = maker.some(["extract(epoch from x.at)", "extract(epoch from x.day)", "date_part('epoch', x.at)"], 1, 2)
    return query(f"select {named(['x.id', *chosen])} from {a.text} as x", ["int"] + ["double"] * len(chosen))


@shape("times", base=True)
def beginnings(maker):
    """Periods that days and moments lie in, grouped and compared."""
    a = maker.inputs.any(["at", "day"])
    day, moment = (f"date_trunc('{maker.pick(UNITS)}', {column})" for column in ("x.day", "x.at"))
    return query(
        maker.pick(
            [
                f"select cast({day} as date) as c0, count(*) as c1 from {a.text} as x group by 1",
                f"select cast({moment} as date) as c0, count(x.id) as c1 from {a.text} as x group by 1",
                f"select cast({day} as date) as c0, x.id as c1 from {a.text} as x where {day} = date '2024-01-01'",
                (
                    f"select cast({moment} as date) as c0, x.id as c1 from {a.text} as x where {moment} {maker.pick(COMPARISONS)} timestamp"
                    " '2024-02-01 00:00:00'"
                ),
                f"select cast(date_trunc('{maker.pick(['hour', 'minute', 'day'])}', x.at) as varchar) as c0, x.id as c1 from {a.text} as x",
                f"select max(cast({day} as date)) as c0, count(distinct {moment}) as c1 from {a.text} as x",
            ]
        ),
        ["date", "int"],
    )


@shape("times", base=True)
def times_and_intervals(maker):
    """Days and moments plus and minus intervals; ends of months."""
    a = maker.inputs.any(["at", "day"])
    column = maker.pick(["x.at", "x.day", "cast(x.day as timestamp)"])
    one, other = (f"interval '{maker.pick(INTERVALS)}'" for _ in range(2))
    value = maker.pick([f"{column} + {one}", f"{column} - {one}", f"{column} + {one} - {other}", f"{column} + {one} + {other}"])
    return query(
        maker.pick(
            [
                f"select x.id as c0, cast({value} as date) as c1 from {a.text} as x",
                f"select x.id as c0, cast({value} as timestamp) as c1 from {a.text} as x",
                (
                    f"select count(*) as c0, max(x.day) as c1 from {a.text} as x where {value} {maker.pick(COMPARISONS)}"
                    f" {maker.pick(['x.at', 'date {}'.format(repr('2024-03-01')), 'x.day'])}"
                ),
            ]
        ),
        ["int", "timestamp"],
    )


@shape("times", base=True)
def instants_in_zones(maker):
    """An instant as a zone's clocks show it."""
    zone = maker.pick(["America/Denver", "Europe/Bucharest", "Asia/Tokyo", "UTC", "Australia/Adelaide"])
    moment = maker.pick(["2024-07-01 18:00:00", "2024-01-01 00:00:00", "2024-03-31 01:30:00", "2024-11-03 07:59:59"])
    instant = f"{{timestamptz '{moment}+00'|timestamptz '{moment}Z'}} at time zone '{zone}'"
    return query(
        maker.pick(
            [
                f"select cast({instant} as timestamp) as c0, 1 as c1",
                f"select cast({instant} as date) as c0, cast(extract(hour from cast({instant} as timestamp)) as integer) as c1",
                f"select date_trunc('day', cast({instant} as timestamp)) as c0, 1 as c1",
            ]
        ),
        ["timestamp", "int"],
    )


@shape("times", base=True)
def dates_as_texts(maker):
    """Days formatted and read."""
    a = maker.inputs.any(["day"])
    pattern, theirs = maker.pick(
        [("YYYY-MM-DD", "%Y-%m-%d"), ("YYYY-MM", "%Y-%m"), ("YYYY", "%Y"), ("DD.MM.YYYY", "%d.%m.%Y"), ("MM/DD", "%m/%d")]
    )
    return query(
        f"select x.id as c0, {{strftime(x.day, '{theirs}')|to_char(x.day, '{pattern}')}} as c1, cast(cast(x.day as varchar) as date) as c2"
        f" from {a.text} as x",
        ["int", "text", "date"],
    )


@shape("times")
def a_day_is_its_hours(maker):
    """Adding a difference to where it began gives where it ended; no second engine needed."""
    a = moments(maker)
    one = "x.at - timestamp '2024-01-01 06:00:00'"
    return related(
        "same",
        f"select x.id as c0, x.at as c1 from {a.text} as x",
        f"select x.id as c0, cast(timestamp '2024-01-01 06:00:00' + ({one}) as timestamp) as c1 from {a.text} as x",
    )


@shape("times", base=True)
def ranges_of_days(maker):
    a, b = maker.inputs.any(["day", "n"]), maker.inputs.small(["day", "at"])
    unit = maker.pick(["month", "year", "week"])
    return query(
        f"select x.id as c0, y.id as c1, cast(date_trunc('{unit}', x.day) as date) as c2 from {a.text} as x {maker.pick(['inner', 'left'])}"
        f" join {b.text} as y on"
        f" {maker.pick([f'date_trunc({unit!r}, x.day) = date_trunc({unit!r}, y.day)', 'x.day <= y.at and y.day <= x.day', 'x.day = cast(y.at as date)', 'extract(month from x.day) = extract(month from y.at)'])}",
        ["int", "int", "date"],
    )
