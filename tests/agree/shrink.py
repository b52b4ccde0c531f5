"""Makes a failing query small: drops parts while the failure stays the same.

Works on the tokens of a query, so that every shape is made small without its
help: a subquery in the query's place, clauses, items of lists, conditions,
brackets, rows of `values`, tokens. DuckDB says which of these are queries at all.
What makes an order total stays, so that no answer depends on chance.
"""

import time

from dialect import joined, tokens

CLAUSES = {
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "window",
    "qualify",
    "union",
    "intersect",
    "except",
    "filter",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
    "join",
}
OPEN, CLOSE = {"(", "["}, {")", "]"}


def small(text, fails, seconds=60, tries=400):
    """The smallest text found for which `fails` still holds."""
    words, until = tokens(text), time.monotonic() + seconds
    seen = {" ".join(words)}
    changed = True
    while changed:
        changed = False
        for candidate in candidates(words):
            name = " ".join(candidate)
            if name in seen or len(candidate) >= len(words) or candidate[0] not in ("select", "with", "(", "values"):
                continue
            seen.add(name)
            if time.monotonic() > until or tries <= 0:
                return joined(words)
            answer = fails(joined(candidate))
            tries -= answer is not None
            if answer:
                words, changed = candidate, True
                break
    return joined(words)


def candidates(words):
    """Smaller queries, the smallest first."""
    ends = brackets(words)
    kept = protected(words, ends)
    spans = [*inner_queries(words, ends)]
    yield from sorted(spans, key=len)
    yield from without_columns(words, ends)
    cuts = [*clauses(words, ends), *items(words, ends), *conditions(words, ends)]
    cuts = sorted({cut for cut in cuts if may_go(kept, *cut)}, key=lambda cut: cut[0] - cut[1])
    for start, end in cuts:
        yield words[:start] + words[end:]
    yield from unwrapped(words, ends)
    for length in (6, 3, 2, 1):
        for start in range(len(words) - length + 1):
            if may_go(kept, start, start + length):
                yield words[:start] + words[start + length :]


def brackets(words):
    """Where each bracket closes."""
    ends, open_ = {}, []
    for at, word in enumerate(words):
        if word in OPEN:
            open_.append(at)
        elif word in CLOSE and open_:
            ends[open_.pop()] = at
    return ends


def protected(words, ends):
    """What stays: places, and the span that may go as a whole with them.

    Orders within brackets that are no subqueries, orders beside a limit, and
    what makes a cast one.
    """
    kept = []
    for start, end in ends.items():
        places, _ = level(words, ends, start + 1)
        if start and words[start - 1] == "cast":
            last = max((at for at in places if words[at] == "as"), default=end)
            kept.append(({start - 1, start, *range(last, end + 1)}, (start - 1, end + 1)))
        elif words[start + 1] not in ("select", "with"):
            order = next((at for at in places if words[at] == "order"), None)
            if order is not None:
                kept.append(({*range(order, end)}, (start, end + 1)))
    for start in starts(ends):
        places, end = level(words, ends, start)
        here = {words[at] for at in places}
        order = next((at for at in places if words[at] == "order"), None)
        if order is not None and here & {"limit", "offset", "on"} and "select" in here:
            kept.append(({*range(order, end)}, (start - 1, end + 1)))
    return kept


def may_go(kept, start, end):
    """Whether a cut leaves what stays alone, or takes it as a whole."""
    return all(not places & {*range(start, end)} or start <= hull[0] and hull[1] <= end for places, hull in kept)


def without_columns(words, ends):
    """One column left out of all rows of `values` and of its names, or of all parts of a union."""
    for start, word in enumerate(words):
        if word != "values":
            continue
        places, end = level(words, ends, start + 1)
        rows = [(at + 1, ends[at]) for at in places if words[at] == "(" and words[at - 1] in ("values", ",")]
        names = next((at for at in range(end, min(end + 4, len(words))) if words[at] == "("), None)
        if names is not None:
            rows.append((names + 1, ends[names]))
        yield from less_one(words, ends, rows)
    for start in starts(ends):
        places, end = level(words, ends, start)
        selects = [at + 1 for at in places if words[at] == "select"]
        if len(selects) > 1:
            yield from less_one(
                words,
                ends,
                [(at, next((p for p in places if p > at and words[p] in ("from", "union", "except", "intersect")), end)) for at in selects],
            )


def less_one(words, ends, rows):
    """The words without the first, second, ... item of each row."""
    lists = [parts(words, ends, *row) for row in rows]
    width = min(len(items_) for items_ in lists) if lists else 0
    for column in range(width if width > 1 else 0):
        left = list(words)
        for items_ in sorted(lists, reverse=True):
            first, last = items_[column]
            cut = (first, last + 1) if column + 1 < len(items_) else (first - 1, last)
            del left[cut[0] : cut[1]]
        yield left


def parts(words, ends, start, end):
    """Where the items between two places begin and end."""
    places = [at for at in level(words, ends, start)[0] if at < end]
    commas = [at for at in places if words[at] == ","]
    return list(zip([start, *(at + 1 for at in commas)], [*commas, end]))


def inner_queries(words, ends):
    for start, end in ends.items():
        if words[start + 1] in ("select", "with"):
            yield words[start + 1 : end]
    depth = 0
    for at, word in enumerate(words):
        depth += (word in OPEN) - (word in CLOSE)
        if depth == 0 and word in ("union", "intersect", "except"):
            yield words[:at]
            yield words[at + 1 + (words[at + 1] == "all") :]


def level(words, ends, at):
    """The end of the query or bracket that a place is in, with the places on its level."""
    places = []
    while at < len(words) and words[at] not in CLOSE:
        places.append(at)
        at = ends[at] + 1 if at in ends else at + 1
    return places, min(at, len(words))


def starts(ends):
    return [0, *(start + 1 for start in ends)]


def clauses(words, ends):
    for start in starts(ends):
        places, end = level(words, ends, start)
        begins = [at for at in places if words[at].lower() in CLAUSES]
        for number, at in enumerate(begins):
            for stop in [*begins[number + 1 : number + 3], end]:
                yield at, stop
        if words[start] == "with":
            select = next((at for at in places if words[at] == "select"), None)
            if select:
                yield start, select


def items(words, ends):
    for start in starts(ends):
        places, end = level(words, ends, start)
        bounds = {"select", "from", "by", "values", "distinct", *CLAUSES}
        marks = [start - 1, *(at for at in places if words[at] == "," or words[at] in bounds), end]
        for before, after in zip(marks, marks[1:]):
            if words[after : after + 1] == [","]:
                yield before + 1, after + 1
            if before >= 0 and words[before] == ",":
                yield before, after


def conditions(words, ends):
    for start in starts(ends):
        places, end = level(words, ends, start)
        bounds = {
            "where",
            "on",
            "having",
            "when",
            "and",
            "or",
            "qualify",
            *CLAUSES,
            "then",
            "as",
            ",",
            "select",
            "from",
            "case",
            "else",
            "end",
        }
        marks = [start - 1, *(at for at in places if words[at] in bounds), end]
        for before, after in zip(marks, marks[1:]):
            if before >= 0 and words[before] in ("and", "or"):
                yield before, after
            if after < len(words) and words[after] in ("and", "or"):
                yield before + 1, after + 1


def unwrapped(words, ends):
    """Brackets, calls and cases replaced by what is in them."""
    for start, end in sorted(ends.items(), key=lambda pair: pair[0] - pair[1]):
        places, _ = level(words, ends, start + 1)
        inner = words[start + 1 : end]
        if start and words[start - 1] == "cast":
            if words[start + 1].strip("'").isdigit() and words[start + 2 : end] == ["as", "integer"]:
                yield words[: start - 1] + [words[start + 1].strip("'")] + words[end + 1 :]
            continue
        name = (
            start > 0
            and words[start - 1].isidentifier()
            and words[start - 1]
            not in (
                "in",
                "as",
                "on",
                "and",
                "or",
                "not",
                "from",
                "by",
                "over",
                "exists",
                "values",
                "where",
                "filter",
                "sets",
                "rollup",
                "cube",
                "using",
            )
        )
        cut = next((at for at in places if words[at] in (",", "as", "order", "from")), end)
        if name:
            yield words[: start - 1] + words[start + 1 : cut] + words[end + 1 :]
        elif words[start + 1] not in ("select", "with", "values"):
            yield words[:start] + inner + words[end + 1 :]
    for at, word in enumerate(words):
        if word == "case":
            end = next((place for place in level(words, ends, at)[0] if words[place] == "end" and place > at), None)
            then = next((place for place in level(words, ends, at)[0] if words[place] == "then"), None)
            stop = next(
                (place for place in level(words, ends, at)[0] if then and place > then and words[place] in ("when", "else", "end")), None
            )
            if end and then and stop:
                yield words[:at] + words[then + 1 : stop] + words[end + 1 :]
