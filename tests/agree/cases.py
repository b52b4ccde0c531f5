"""What a case is, and the register of shapes.

A shape is a function from a `Maker` to a `Case`: one query or several, in the
common dialect of `dialect.py`, and how their answers belong together. A shape is
registered under its name by `@shape`. Start reading at `Case`.
"""

from dataclasses import dataclass, field
from random import Random

from inputs import Inputs


@dataclass(frozen=True)
class Case:
    """Statements whose answers are compared.

    `statements[0]` is the query itself. `relation` says what the answers of all
    statements have in common, without a second engine:
    `same` all of them have the same rows, `together` the rows of the first are
    those of the others put together, `sum` the first one's number is the sum of
    the others', `refused` the first one is an error in words.
    `types` are those of the first statement's columns, which are named c0, c1, ...
    `ordered` says that its order is total, `loose` how far numbers may differ.
    """

    statements: tuple
    types: tuple = ()
    relation: str = ""
    ordered: bool = False
    loose: float = 1e-9

    @property
    def text(self):
        return self.statements[0]


def query(text, types=(), **more):
    """A case of one query."""
    return Case((text,), tuple(types), **more)


def related(relation, *statements, **more):
    """A case of several queries that have something in common."""
    return Case(tuple(statements), relation=relation, **more)


@dataclass
class Shape:
    """A generator and what may be done with its queries."""

    name: str
    make: object
    family: str
    base: bool = False
    weight: int = 1


SHAPES = {}


def shape(family, base=False, weight=1):
    """Registers a generator under its function's name.

    `base` shapes give one query with columns c0, c1, ... of known types and rows
    that do not depend on chance: others may put them into larger queries.
    """

    def register(make):
        name = make.__name__
        assert name not in SHAPES, name
        SHAPES[name] = Shape(name, make, family, base, weight)
        return make

    return register


@dataclass
class Maker:
    """Chance, and what is made by it; the same seed and number give the same case."""

    seed: str
    number: int
    chance: Random = field(init=False)
    inputs: Inputs = field(init=False)

    def __post_init__(self):
        self.chance = Random(f"{self.seed}/{self.number}")
        self.inputs = Inputs(self.chance)

    def pick(self, values):
        return self.chance.choice(values)

    def some(self, values, least, most):
        count = min(len(values), self.chance.randint(least, most))
        return self.chance.sample(values, count)

    def maybe(self, share, text, otherwise=""):
        return text if self.chance.random() < share else otherwise

    def base(self):
        """A case of a base shape, to be put into a larger query."""
        bases = [shape for shape in SHAPES.values() if shape.base]
        return self.chance.choice(bases).make(self)


def make_case(seed, number, names):
    """The case of a number, and its shape; shapes take turns by their weights."""
    turns = [name for name in names for _ in range(SHAPES[name].weight)]
    maker = Maker(seed, number)
    chosen = SHAPES[Random(f"{seed}/{number}/shape").choice(turns)]
    return chosen, chosen.make(maker)
