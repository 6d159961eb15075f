"""A sum of hinges laid out on layers of ReLUs: what each unit of each layer is, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from archtool.algebra.hinges import Input, Sum

ONE = Fraction(1)


@dataclass(frozen=True)
class Made:
    """A number as a constant and factors of the units of the layer before (of the inputs, in the first)."""

    constant: Fraction
    factors: tuple[tuple[int | Input, Fraction], ...]


@dataclass(frozen=True)
class Level:
    """A hidden layer: what each unit is before its ReLU, and sums that its units give, each as factors of units."""

    before: tuple[Sum, ...]
    gives: tuple[tuple[Sum, tuple[tuple[int, Fraction], ...]], ...]

    def made(self, asked: Sum) -> Made:
        """A sum of units: as one that they give, or its hinges and its linear part each as such."""
        whole = self._found(asked - Sum(asked.constant))
        if whole is not None:
            return Made(asked.constant, tuple(whole))
        factors: dict[int, Fraction] = {}
        parts = [(Sum(hinges=((inner, ONE),)), factor) for inner, factor in asked.hinges]
        linear = self._found(asked.linear)
        if linear is None:
            parts += [(Sum(inputs=((each, ONE),)), factor) for each, factor in asked.inputs]
        else:
            parts.append((asked.linear, ONE))
        for part, factor in parts:
            found = self._found(part)
            assert found is not None, f"{part} is not carried"  # what is asked for is carried: see `levels`
            for unit, own in found:
                factors[unit] = factors.get(unit, Fraction(0)) + factor * own
        return Made(asked.constant, tuple((unit, factor) for unit, factor in factors.items() if factor))

    def _found(self, asked: Sum) -> list[tuple[int, Fraction]] | None:
        """Factors of units that give a sum without a constant, up to a factor."""
        if not asked.inputs and not asked.hinges:
            return []
        for given, factors in self.gives:
            ratio = _ratio(asked, given)
            if ratio is not None:
                return [(unit, ratio * factor) for unit, factor in factors]
        return None


def _ratio(asked: Sum, given: Sum) -> Fraction | None:
    """The number that one sum is of the other, both without constants."""
    first = [factor for _, factor in (*given.inputs, *given.hinges)]
    other = [factor for _, factor in (*asked.inputs, *asked.hinges)]
    if not first or len(first) != len(other):
        return None
    ratio = other[0] / first[0]
    return ratio if given * ratio == asked else None


def levels(of: Sum, count: int, nonnegative: Iterable[Input], by_input: bool) -> list[Level]:
    """So many hidden layers that compute a sum, with few units each; `count` is at least its depth.

    Each layer holds the hinges that are first possible there, and carries what later ones and the sum need: hinges
    are positive and pass a ReLU, another number z does as relu(z) and relu(-z). Once all hinges are there, the sum
    itself may be carried in their place. What is linear in the inputs is carried as it is, or `by_input`.
    """
    known = frozenset(nonnegative)
    inners = _inner_sums(of)
    found = []
    for level in range(1, count + 1):
        consumers = [of, *(inner for inner in inners if inner.depth + 1 > level)]
        needed = list(dict.fromkeys(inner for each in consumers for inner, _ in each.hinges if inner.depth < level))
        atoms = _carrying(
            [
                *(_fresh(inner, level) for inner in needed),
                *_linear_parts([each.linear for each in consumers], known, by_input),
            ]
        )
        if level > of.depth:
            whole = _carrying(list(_signed(of - Sum(of.constant), known)))
            atoms = min(whole, atoms, key=lambda each: len(each.before))
        found.append(atoms)
    return found


Carried = tuple[Sum, tuple[Sum, ...]]  # what is carried: as itself (once), or as its positive and its negative part


def _fresh(inner: Sum, level: int) -> Carried:
    """A hinge, made here of what is inside it, or carried."""
    hinge = Sum(hinges=((inner, ONE),))
    return hinge, (inner if inner.depth + 1 == level else hinge,)


def _signed(of: Sum, known: frozenset[Input]) -> Iterator[Carried]:
    if of.inputs or of.hinges:
        yield of, ((of,) if of.is_nonnegative(known) else (of, -of))


def _linear_parts(linear: list[Sum], known: frozenset[Input], by_input: bool) -> list[Carried]:
    """Linear parts that are no multiples of each other, or their inputs one by one."""
    distinct: list[Sum] = []
    for each in linear:
        if each.inputs and not any(_ratio(each, other) is not None for other in distinct):
            distinct.append(each)
    if by_input:
        inputs = sorted({each for part in distinct for each, _ in part.inputs})
        distinct = [Sum(inputs=((each, ONE),)) for each in inputs]
    return [carried for part in distinct for carried in _signed(part, known)]


def _carrying(carried: list[Carried]) -> Level:
    before: list[Sum] = []
    gives = []
    for what, units in carried:
        numbers = range(len(before), len(before) + len(units))
        before += units
        gives.append((what, tuple(zip(numbers, (ONE, -ONE), strict=False))))
    return Level(tuple(before), tuple(gives))


def _inner_sums(of: Sum) -> list[Sum]:
    """What stands inside the hinges of a sum, and inside those in it."""
    found: dict[Sum, None] = {}
    for inner, _ in of.hinges:
        found[inner] = None
        found.update(dict.fromkeys(_inner_sums(inner)))
    return list(found)
