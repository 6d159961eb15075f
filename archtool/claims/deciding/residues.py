"""Values of symbols by their remainders, where floors by small numbers tell these apart: h = 2t, or h = 2t + 1.

On one class n = d*t + r a floor of n / d is a polynomial in t. So a claim with floors falls into a few claims without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import chain, count, product
from math import lcm
from typing import Final, NamedTuple

from archtool.algebra.functions import replaced
from archtool.algebra.polynomial import Atom, Exact, Monomial, Polynomial, symbol
from archtool.claims.deciding.question import Question
from archtool.spec.domains import Range
from archtool.trace import Expr, in_order

MOST: Final = 64  # classes of all symbols together
LETTERS: Final = "tsuvxyzpqrijlmnabcdefghkow"  # that count the values of a class


class Class(NamedTuple):
    """The values of some symbols that have one remainder each, and how that is said: "h = 2t + 1, w = 2s"; `turns` are
    the letters there, by the symbols' names."""

    ranges: Mapping[str, Range]
    turns: Mapping[str, str]
    text: str


def classes(question: Question) -> list[Class]:
    """The classes that the floors of a claim and its premises tell apart, one or more for all values of the ranges;
    none where there is nothing to tell apart. Raises RuleError where there is no closed form to read that from."""
    parts = list(_with_floors(question))
    counts = {}
    for name, domain in question.ranges.items():
        every = lcm(domain.step, *[period(part, name) for part in parts])
        if every > domain.step:
            counts[name] = every // domain.step
    split: dict[str, list[Range]] = {}
    total = 1
    for name in sorted(counts, key=lambda each: counts[each]):  # those of few classes first
        total *= counts[name]
        if total > MOST:
            break
        low, high, step = question.ranges[name]
        starts = range(low, low + step * counts[name], step)
        split[name] = [Range(each, high, step * counts[name]) for each in starts if high is None or each <= high]
    split = {name: split[name] for name in question.ranges if name in split}
    letters = (each for each in chain(LETTERS, map("t{}".format, count(1))) if each not in question.domains)
    turns = dict(zip(split, letters, strict=False))
    found = [dict(zip(split, ranges, strict=True)) for ranges in product(*split.values())] if split else []
    return [Class(each, turns, ", ".join([_said(name, turns[name], each[name]) for name in each])) for each in found]


def _said(name: str, letter: str, values: Range) -> str:
    rest = values.low % values.step
    return f"{name} = {values.step}{'*' if len(letter) > 1 else ''}{letter}" + (f" + {rest}" if rest else "")


def _with_floors(question: Question) -> Iterator[Polynomial]:
    """The floors by a number in a claim and its premises, as formulas."""
    for expr in in_order([each for each in (question.claim, *question.premises) if isinstance(each, Expr)]):
        if expr.op == "floor" and isinstance(expr.args[1], int):
            yield question.reader.of(expr)


def period(part: Polynomial, name: str) -> int:
    """A number d so that all floors by numbers in a formula go where a symbol is d*t + r."""
    every = 1
    for atom in part.atoms():
        if atom.op == "floor":
            every = lcm(every, *[_of_term(monomial, factor, name) for monomial, factor in atom.args[0].terms.items()])
        elif atom.op != "symbol":
            every = lcm(every, *[period(arg, name) for arg in atom.args])
    return every


def _of_term(monomial: Monomial, factor: Exact, name: str) -> int:
    alone = Polynomial({monomial: 1})
    return Fraction(factor).denominator * period(alone, name) if name in alone.symbols() else 1


def excluded(question: Question, one: Class) -> bool:
    """Whether a premise fails on all of a class, by its closed form there."""
    inside = {Atom("symbol", name): symbol(name) * values.step + values.low for name, values in one.ranges.items()}
    return any([replaced(question.reader.of(each), inside).constant == 0 for each in question.premises])
