"""The differences by design: all of them, each with its reason.

What is not listed here and differs is a fault. `REFUSALS` are errors in words that
cinelake may give where DuckDB answers. `RULES` are what generators and
`compare.py` keep to, so that a difference means something; they are here to be
read, and the code beside them points back here.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """An error that is an answer: what its message matches, and why it is right."""

    pattern: str
    reason: str


REFUSALS = [
    Refusal(
        r"overflow|out of range|representable .* range|too large (for|to)|does not fit",
        "a number that does not fit is an error; DuckDB's sums and the queries' wide casts hold it",
    ),
    Refusal(
        r"not_?in.*not possible|`not in` .*refers to the row",
        "`not in` whose subquery refers to the row outside below a limit, a window or an aggregate of all rows: no join answers it, the"
        " message says how to write it",
    ),
    Refusal(r"`natural` beside an outer join is not possible", "which columns it joins by changes with the tables; `using` names them"),
    Refusal(
        r"of a recursive query is .* in its first part", "the type of a recursion is that of its first part; the message says to cast it"
    ),
    Refusal(
        r"of intervals is not possible",
        "a group's greatest or different intervals are not known by the engine; the message says `extract(epoch from …)`",
    ),
    Refusal(
        r"a window function in a subquery that refers to the row beside it",
        "its rows cannot be computed for all rows at once; the message says how to write it",
    ),
    Refusal(r"no columns|select.*without columns|select list is empty", "a select without columns answers nothing"),
    Refusal(r"tablesample|a sample", "samples depend on chance"),
    Refusal(
        r"memory is short|not enough memory|does not fit (in|into) memory|Resources exhausted|more memory",
        "little memory may end in an error that says so, never in another answer",
    ),
]

RULES = {
    "integers divide": "`/` of integers cuts, as in PostgreSQL; DuckDB is asked with `//`, which cuts, too",
    "order of nulls": "DuckDB is set to PostgreSQL's order: last when ascending, first when descending",
    "doubles": "equal to 1e-9 of their size: sums depend on the order of rows",
    "ratios of decimals": "digits differ: DuckDB answers doubles; such cases compare to 1e-6 of the size",
    "wide arithmetic": "near overflow DuckDB is asked with hugeints, so that it has the right number; cinelake has it or an overflow error",
    "recursion": "a recursion takes the wider type of its two parts; DuckDB keeps the first one's, so it is asked with a cast",
    "similar to": "DuckDB takes regular expressions there; it is asked with the one that means the same",
    "ignore nulls": "written after the arguments here and within them in DuckDB",
    "names of columns": "columns are named c0, c1, ... by the queries",
    "texts of times": "a `T` or a blank between day and time, and zeros at the end of a fraction, are the same",
}


def refusal(message):
    """The entry that a message matches, or none."""
    return next((entry for entry in REFUSALS if re.search(entry.pattern, message, re.IGNORECASE)), None)


def is_internal(message):
    """Whether an error is a fault of the program, whatever the query is."""
    return bool(re.search(r"\binternal\b|panick|stack backtrace|this is a bug|assertion failed|unreachable|engine cannot carry out", message, re.IGNORECASE))
