"""Sums of hinges that take given values at given points: tables as piecewise linear functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import Any, Final

from archtool.algebra.hinges import Input, Sum, constant, of_input, relu, total
from archtool.algebra.targets import Row

MOST_DIRECTIONS: Final = 5000
MOST_PIVOTS: Final = 8
MOST_TRIED: Final = 40  # of the sums that a table can be, those with the fewest hinges
FACTORS: Final = ((0, 1, -1), (0, 1, -1, 2, -2))

Rows = Sequence[Row]


def affine_sum(inputs: Sequence[Input], rows: Rows) -> Sum | None:
    """The affine function with these values; None where there is none."""
    _, solution = eliminated(rows)
    if solution is None:
        return None
    *factors, number = solution
    return total([(constant(number), Fraction(1)), *((of_input(x), a) for x, a in zip(inputs, factors, strict=True))])


def dependency(rows: Rows) -> list[Fraction] | None:
    """Factors of the rows, that add up to 0, with which their inputs add up to 0 and their outputs do not: so that no
    affine function has these values. None where there are none."""
    found, _ = eliminated(rows)
    return found


def eliminated(rows: Rows) -> tuple[list[Fraction] | None, list[Fraction] | None]:
    """Gauss's elimination of (inputs, 1 | output), each row with what it is made of: a row of zeros with an output that
    is not 0 is a dependency, else there is a solution (with 0 where one is free)."""
    count = len(rows[0].inputs) + 1
    reduced: list[tuple[int, list[Fraction], dict[int, Fraction]]] = []  # pivot, (row | output), made of
    for number, (inputs, output) in enumerate(rows):
        row = [*inputs, Fraction(1), output]
        made = {number: Fraction(1)}
        for pivot, other, of in reduced:
            factor = row[pivot]
            if factor:
                row = [a - factor * b for a, b in zip(row, other, strict=True)]
                for each, share in of.items():
                    made[each] = made.get(each, Fraction(0)) - factor * share
        pivot = next((column for column in range(count) if row[column]), -1)
        if pivot < 0:
            if row[count]:
                return [made.get(each, Fraction(0)) for each in range(len(rows))], None
            continue
        scale = row[pivot]
        reduced.append((pivot, [a / scale for a in row], {each: share / scale for each, share in made.items()}))
    solution = [Fraction(0)] * count
    for pivot, row, _ in reversed(reduced):
        solution[pivot] = row[count] - sum(row[c] * solution[c] for c in range(count) if c != pivot)
    return None, solution


def hinge_sums(inputs: Sequence[Input], rows: Rows) -> list[Sum]:
    """Sums of hinges with these values, those of the fewest hinges first: the rows are projected on a line where no two
    of different outputs fall together, and joined there by straight pieces."""
    affine = affine_sum(inputs, rows)
    if affine is not None:
        return [affine]
    found: dict[Sum, None] = {}
    for direction in _directions(len(inputs), rows):
        along = _along(direction, rows)
        if along is not None:
            of = total((of_input(x), Fraction(a)) for x, a in zip(inputs, direction, strict=True))
            found.update(dict.fromkeys(_joined(of, along, pivot) for pivot in range(min(len(along), MOST_PIVOTS))))
    return sorted(found, key=_plainness)[:MOST_TRIED]


def _plainness(of: Sum) -> tuple[Any, ...]:
    """Few hinges, few constants, few minus signs."""
    inners = [inner for inner, _ in of.hinges]
    constants = sum(each.constant != 0 for each in (of, *inners))
    negative = sum(factor < 0 for each in (of, *inners) for _, factor in (*each.inputs, *each.hinges))
    return len(inners), constants, negative, of.order


def _directions(count: int, rows: Rows) -> Iterator[tuple[int, ...]]:
    """Whole numbers, small ones first; at last those that keep all rows of whole numbers apart."""
    for factors in FACTORS:
        if len(factors) ** count <= MOST_DIRECTIONS:
            yield from (each for each in product(factors, repeat=count) if any(each))
    values = [value for inputs, _ in rows for value in inputs]
    base = int(max(values) - min(values)) + 1
    yield tuple(base**place for place in range(count))
    yield (1,) * count


def _along(direction: Sequence[int], rows: Rows) -> list[tuple[Fraction, Fraction]] | None:
    """The rows' (place on the line, output) in order; None where two outputs fall on one place."""
    places: dict[Fraction, Fraction] = {}
    for inputs, output in rows:
        place = sum((a * value for a, value in zip(direction, inputs, strict=True)), Fraction(0))
        if places.setdefault(place, output) != output:
            return None
    return sorted(places.items())


def _joined(along_line: Sum, points: Sequence[tuple[Fraction, Fraction]], pivot: int) -> Sum:
    """The function through the points: from one of them on to both sides, with a hinge wherever its slope changes."""
    right = points[pivot:]
    left = [(-place, value) for place, value in reversed(points[: pivot + 1])]
    return total(
        [
            (constant(points[pivot][1]), Fraction(1)),
            *((relu(along_line - constant(place)), bend) for place, bend in _bends(right)),
            *((relu(-along_line - constant(place)), bend) for place, bend in _bends(left)),
        ]
    )


def _bends(points: Sequence[tuple[Fraction, Fraction]]) -> Iterator[tuple[Fraction, Fraction]]:
    """Where the slope of straight pieces changes, and by how much; it is 0 before the first."""
    slope = Fraction(0)
    for (place, value), (after, next_value) in pairwise(points):
        steeper = (next_value - value) / (after - place)
        if steeper != slope:
            yield place, steeper - slope
        slope = steeper
