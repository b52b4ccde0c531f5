"""Two dialects: how a query in the common one is written for each engine.

What the engines write differently stands as `{for duckdb|for cinelake}`; words of
the peers' questions such as `{month:day}` may be used, too. Owns also the tokens
of a query, for `shrink.py` and `mutate.py`.
"""

import re
import sys
from pathlib import Path

PEERS = Path(__file__).parents[2] / "benches" / "peers"
sys.path.insert(0, str(PEERS))
import engines  # noqa: E402

TOKEN = re.compile(r"\{[^}]*\}|'(?:[^']|'')*'|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+(?:\.\w+)*(?:\.\*)?|<=|>=|<>|!=|\|\||::|\S")


def for_duckdb(text):
    return engines.words(either(text, 0), "duckdb")


def for_cinelake(text):
    return engines.own_names(engines.words(either(text, 1), "cinelake"))


def either(text, side):
    """One of the two sides of what is written differently; `¦` is a bar within one."""
    return re.sub(r"\{([^}|]*)\|([^}]*)\}", lambda match: match.group(1 + side), text).replace("¦", "|")


def tokens(text):
    return TOKEN.findall(text)


def joined(words):
    """The tokens as a text that reads well."""
    text = " ".join(words)
    text = re.sub(r" ([,);\]])", r"\1", re.sub(r"([(\[]) ", r"\1", text))
    return re.sub(
        r"\b(?!(?:in|as|on|and|or|not|over|from|by|values|select|filter|join|where|when|then|else|all|exists|lateral|union|except|intersect|group|sets|using|having|limit|interval|with|case|is)\b)(\w+) \(",
        r"\1(",
        text,
    )


def is_ordered(text):
    """Whether the outermost query has an order."""
    depth = 0
    words = tokens(text)
    for word, following in zip(words, words[1:]):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "order" and following == "by":
            return True
    return False
