"""Whole numbers for which a formula of one symbol is positive, zero or negative: all of them, exactly.

A polynomial q rises over whole numbers where q(t + 1) - q(t) is positive: a polynomial of one degree less, whose signs
are found first. So q is monotone between a few whole numbers, and a bisection finds where it changes its sign. Floors
of n / d are polynomials in t where n = d t + r; conditions and extremes are decided where their arguments change signs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import comb, lcm
from typing import Final, NamedTuple

from archtool.algebra.functions import replaced
from archtool.algebra.polynomial import Atom, Exact, Polynomial, contents, polynomial, single
from archtool.spec.domains import Range

LARGEST_PERIOD: Final = 512  # of floors: so many polynomials stand for one formula


class Run(NamedTuple):
    """The whole numbers low, low + step, ... up to `high` (None: without end), for which something holds."""

    low: int
    high: int | None
    step: int = 1


class NotExact(Exception):
    """A formula that this can't take apart."""


Signs = tuple[int, int | None, int]  # first, last (None: without end), sign


def signs(coefficients: Sequence[Fraction], low: int, high: int | None) -> Iterator[Signs]:
    """Where the polynomial with these coefficients (the constant first) is negative, zero and positive."""
    coefficients = list(coefficients)
    while coefficients and not coefficients[-1]:
        coefficients.pop()
    if high is not None and high < low:
        return
    if len(coefficients) <= 1:
        yield low, high, _sign(coefficients[0] if coefficients else 0)
        return
    previous: Signs | None = None
    for first, last, slope in list(signs(_difference(coefficients), low, None if high is None else high - 1)) or [
        (low, low - 1, 0)
    ]:
        start = first if previous is None else first + 1  # the last run ended at `first`
        end = None if last is None else last + 1
        for piece in _monotone(coefficients, start, end, slope) if end is None or end >= start else ():
            if previous is not None and previous[2] == piece[2]:
                previous = (previous[0], piece[1], piece[2])
            else:
                if previous is not None:
                    yield previous
                previous = piece
    if previous is not None:
        yield previous


def _difference(coefficients: Sequence[Fraction]) -> list[Fraction]:
    """q(t + 1) - q(t)."""
    return [
        sum((coefficients[power] * comb(power, at) for power in range(at + 1, len(coefficients))), Fraction(0))
        for at in range(len(coefficients) - 1)
    ]


def _value(coefficients: Sequence[Fraction], at: int) -> Fraction:
    total = Fraction(0)
    for factor in reversed(coefficients):
        total = total * at + factor
    return total


def _monotone(coefficients: Sequence[Fraction], low: int, high: int | None, slope: int) -> Iterator[Signs]:
    """The runs of one sign of a polynomial that only rises, or only falls, between two whole numbers."""
    at = low
    while high is None or at <= high:
        sign = _sign(_value(coefficients, at))
        if slope == 0 or (high is None and sign == slope):
            yield at, high, sign
            return
        end = _last(coefficients, at, high, sign)
        yield at, end, sign
        at = end + 1


def _last(coefficients: Sequence[Fraction], low: int, high: int | None, sign: int) -> int:
    """The last number from `low` on where a monotone polynomial has this sign."""
    step = 1
    while high is None:
        if _sign(_value(coefficients, low + step)) != sign:
            high = low + step
        step *= 2
    while low < high:
        middle = (low + high + 1) // 2
        if _sign(_value(coefficients, middle)) == sign:
            low = middle
        else:
            high = middle - 1
    return low


def _sign(value: Exact) -> int:
    return (value > 0) - (value < 0)


def holds(truth: Polynomial, name: str, domain: Range) -> list[Run]:
    """The values of a symbol in a domain for which a truth value (1 or 0) is 1; raises NotExact for a formula of
    another kind."""
    every = lcm(_period(truth), domain.step)
    if every > LARGEST_PERIOD:
        raise NotExact
    atom = Atom("symbol", name)
    classes: dict[int, list[Signs]] = {}
    for rest in range(domain.low % domain.step, every, domain.step):
        inside = replaced(truth, {atom: single(atom) * every + rest})
        low = -((rest - domain.low) // every)
        high = None if domain.high is None else (domain.high - rest) // every
        classes[rest] = (
            [(first, last, int(piece.constant or 0)) for first, last, piece in pieces(inside, low, high)]
            if high is None or low <= high
            else []
        )
    return _together(classes, every, domain.step)


def _together(classes: Mapping[int, Sequence[Signs]], every: int, step: int) -> list[Run]:
    """One set of the numbers every * t + rest, of which each rest has its own runs of t: cut where any begins."""
    marks = sorted({first for runs in classes.values() for first, _, _ in runs})
    marks += [last + 1 for runs in classes.values() for _, last, _ in runs if last is not None]
    marks = sorted(set(marks))
    found: list[Run] = []
    for mark, following in zip(marks, [*[each - 1 for each in marks[1:]], None], strict=True):
        rests = [
            rest
            for rest, runs in classes.items()
            if any([value and first <= mark and (last is None or mark <= last) for first, last, value in runs])
        ]
        end = None if following is None else following * every
        if len(rests) == len(classes):
            found.append(Run(mark * every + rests[0], None if end is None else end + rests[-1], step))
        else:
            found += [Run(mark * every + rest, None if end is None else end + rest, every) for rest in rests]
    return joined(sorted(found), step)


def joined(runs: Sequence[Run], step: int) -> list[Run]:
    """Runs of one step that follow each other as one; a single number follows any."""
    found: list[Run] = []
    for run in runs:
        one = found[-1] if found else None
        follows = one is not None and one.high is not None and one.high + step == run.low
        if one is not None and follows and all([each.step == step or each.low == each.high for each in (one, run)]):
            found[-1] = Run(one.low, run.high, step)
        else:
            found.append(run if run.low != run.high else run._replace(step=step))
    return found


def pieces(part: Polynomial, low: int, high: int | None) -> Iterator[tuple[int, int | None, Polynomial]]:
    """Stretches of whole numbers on each of which a formula of one symbol is a plain polynomial."""
    atom = next((each for each in part.atoms() if each.op != "symbol"), None)
    if atom is None:
        yield low, high, part
        return
    if not (atom.is_truth or atom.op in ("max", "min")):
        raise NotExact
    first, *others = atom.args
    inner = first - others[0] if others else first
    for start, end, plain in pieces(inner, low, high):
        for begin, last, sign in signs(coefficients(plain), start, end):
            if others:
                winner = first if (sign > 0) == (atom.op == "max") else others[0]
                rest = [winner, *others[1:]]
                value = rest[0] if len(rest) == 1 else single(Atom(atom.op, *rest))
            else:
                value = polynomial(int(sign > 0 if atom.op == "positive" else sign == 0))
            yield from pieces(replaced(part, {atom: value}), begin, last)


def coefficients(part: Polynomial) -> list[Fraction]:
    """The coefficients of a polynomial in one symbol, the constant first; raises NotExact for another formula."""
    found: dict[int, Fraction] = {}
    for monomial, factor in part.terms.items():
        if len(monomial) > 1 or any([power < 0 or atom.op != "symbol" for atom, power in monomial]):
            raise NotExact
        found[monomial[0][1] if monomial else 0] = Fraction(factor)
    return [found.get(power, Fraction(0)) for power in range(max(found, default=0) + 1)]


def _period(part: Polynomial) -> int:
    """A number so that all floors in a formula go where its symbol is a multiple of it and a rest."""
    every = 1
    for atom in part.atoms():
        inside = [_period(arg) for arg in atom.args] if atom.op != "symbol" else []
        own = Fraction(contents(atom.args)).denominator if atom.op == "floor" else 1
        every = lcm(every, own * lcm(*inside))
    return every
