"""Changes one thing in a query: a constant, a direction, a frame, a join type, a column's side.

Two parts of a plan that differ in one thing only must be told apart.
"""

import re

from dialect import joined, tokens

SWAPS = {
    "asc": ["desc"],
    "desc": ["asc"],
    "inner": ["left", "full"],
    "left": ["inner", "right"],
    "right": ["left", "full"],
    "full": ["inner", "left"],
    "min": ["max"],
    "max": ["min"],
    "sum": ["max", "min"],
    "<": ["<=", ">"],
    "<=": ["<", ">="],
    ">": [">=", "<"],
    ">=": [">", "<="],
    "=": ["<>"],
    "<>": ["="],
    "rank": ["dense_rank"],
    "dense_rank": ["rank"],
    "row_number": ["rank"],
    "lead": ["lag"],
    "lag": ["lead"],
    "rows": ["groups"],
    "preceding": ["following"],
    "and": ["or"],
    "or": ["and"],
    "first_value": ["last_value"],
    "last_value": ["first_value"],
    "intersect": ["except"],
    "except": ["intersect"],
    "upper": ["lower"],
    "lower": ["upper"],
    "+": ["-"],
    "true": ["false"],
    "false": ["true"],
    "greatest": ["least"],
    "least": ["greatest"],
    "floor": ["ceil"],
    "ceil": ["floor"],
    "percent_rank": ["cume_dist"],
    "cume_dist": ["percent_rank"],
    "year": ["month"],
    "month": ["year"],
    "rollup": ["cube"],
    "cube": ["rollup"],
}
SIDES = {"x": "y", "y": "x"}


def mutated(text, chance):
    """The query with one thing changed, or none where nothing can be."""
    words = tokens(text)
    places = [at for at in range(len(words)) if changes(words, at)]
    if not places:
        return None
    at = chance.choice(places)
    return joined(words[:at] + [chance.choice(changes(words, at))] + words[at + 1 :])


def changes(words, at):
    """What may stand in a token's place."""
    word, before = words[at], words[at - 1] if at else ""
    if word in SWAPS:
        return SWAPS[word]
    if re.fullmatch(r"\d+", word) and before not in ("decimal", ","):
        return [str(int(word) + 1), str(max(int(word) - 1, 0))]
    if re.fullmatch(r"0\.\d+", word):
        return [word + "5", "0.35"]
    if re.fullmatch(r"'-?\d{1,3}(\.\d\d)?'", word):
        return [f"'{int(float(word.strip(chr(39)))) + 1}'"]
    if re.fullmatch(r"'[a-zA-Z]{1,3}'", word):
        return ["'b'", "'zz'"]
    if re.fullmatch(r"[xy]\.(id|n|m|t|f|d|day|at)", word):
        side, name = word.split(".")
        others = [f"{side}.{other}" for other in {"n": ["m", "id"], "m": ["n", "id"]}.get(name, [])]
        other_side = f"{SIDES[side]}.{name}"
        # An order has to stay total, so that no answer depends on chance.
        return others + [other_side] if other_side in words and "order" not in words else others
    return []
