"""The shapes, by family: each module registers its own."""

from shapes import big, grouping, joins, numbers, pairs, relations, scalars, sets, subqueries, times, warehouse, windows  # noqa: F401
