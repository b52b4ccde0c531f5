"""The list of marts that can be recomputed, filled by the decorator `mart`."""

import functools
from dataclasses import dataclass
from typing import Callable


@dataclass
class Mart:
    """One table of gold: how it is recomputed and how its rows are matched."""

    name: str
    recompute: Callable
    key: tuple
    not_compared: dict


MARTS = {}


def mart(*key, not_compared=None):
    """Registers a function as the recomputation of the mart of its name.

    The function takes the sources and answers a query, which is run once: who
    calls the function gets a query of the rows. `key` names the columns that
    rows are matched by; `not_compared` names columns that are left out, each
    with the reason.
    """
    def register(function):
        name = function.__name__

        @functools.wraps(function)
        def once(sources):
            if name not in sources.recomputed:
                sources.con.execute(f"create temp table expected_{name} as {function(sources)}")
                sources.recomputed.add(name)
            return f"from expected_{name}"

        MARTS[name] = Mart(name, once, key, not_compared or {})
        return once
    return register
