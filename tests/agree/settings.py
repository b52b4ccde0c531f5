"""The settings under which queries are asked, and which of them a query gets."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

BATCH = "datafusion.execution.batch_size"
PUSHED = "datafusion.execution.parquet.pushdown_filters"
OWN = "cinelake.own_rules"


@dataclass(frozen=True)
class Setting:
    """Arguments of the command line, and options of the engine."""

    name: str
    arguments: tuple = ()
    options: dict = field(default_factory=dict)

    def environment(self):
        options = ";".join(f"{name}={value}" for name, value in self.options.items())
        return os.environ | {"CINELAKE_ENGINE_OPTIONS": options}


ALWAYS = [Setting("as it is"), Setting("one thread", ("--threads", "1"))]
OTHERS = [
    Setting("five threads", ("--threads", "5")),
    Setting("small batches", (), {BATCH: "61"}),
    Setting("all filters pushed down", (), {PUSHED: "true"}),
    Setting("little memory", ("--memory", "64MiB")),
    Setting("without own rules", (), {OWN: "false"}),
    Setting("all at once", ("--threads", "3", "--memory", "80MiB"), {BATCH: "500", PUSHED: "true"}),
    Setting("little memory, one thread", ("--memory", "64MiB", "--threads", "1")),
    Setting("three threads, batches of 17", ("--threads", "3"), {BATCH: "17"}),
    Setting("without own rules, one thread", ("--threads", "1"), {OWN: "false"}),
    Setting("without own rules, little memory", ("--memory", "64MiB", "--threads", "3"), {OWN: "false", BATCH: "61"}),
]


def without_rules():
    """A setting for each of the engine's own rules, without it: their names stand where their order does."""
    order = (Path(__file__).parents[2] / "src" / "engine" / "session" / "order.rs").read_text()
    names = re.findall(r'"(\w+)"', re.search(r"const RULES.*?= \[(.*?)\];", order, re.DOTALL)[1])
    return [Setting(f"without {name}", (), {f"cinelake.rules.{name}": "false"}) for name in names]


class Settings:
    """All settings, and the choice for each query by its number."""

    def __init__(self, binary, ask_all=False):
        self.others = OTHERS + without_rules()
        self.ask_all = ask_all

    def all(self):
        return ALWAYS + self.others

    def of_query(self, seed, number):
        if self.ask_all:
            return self.all()
        chance = Random(f"{seed}/{number}/settings")
        return ALWAYS + chance.sample(self.others, chance.choice([2, 3]))
