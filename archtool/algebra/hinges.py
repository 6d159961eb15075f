"""Piecewise linear functions as sums: a constant, inputs with factors, and hinges, max(0, such a sum), with factors.

What a network of affine layers and ReLUs computes is one, and so is abs, max and min of such: |a| = relu(a) + relu(-a),
max(a, b) = b + relu(a - b).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import gcd, lcm
from typing import Any, Final, NamedTuple

MOST_TURNED: Final = 6


class Input(NamedTuple):
    """A channel, from 0, of the position at an offset from one's own (one number an axis; () where it is one's own)."""

    channel: int
    offset: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"x{self.channel + 1}" + (f"[{', '.join(map(str, self.offset))}]" if any(self.offset) else "")


@dataclass(frozen=True)
class Sum:
    """constant + factors of inputs + factors of hinges; no factor is 0, each input and each hinge is there once."""

    constant: Fraction = Fraction(0)
    inputs: tuple[tuple[Input, Fraction], ...] = ()
    hinges: tuple[tuple[Sum, Fraction], ...] = ()

    def __add__(self, other: Sum) -> Sum:
        return total([(self, Fraction(1)), (other, Fraction(1))])

    def __sub__(self, other: Sum) -> Sum:
        return total([(self, Fraction(1)), (other, Fraction(-1))])

    def __mul__(self, factor: Fraction | int) -> Sum:
        return total([(self, Fraction(factor))])

    def __neg__(self) -> Sum:
        return self * -1

    @property
    def linear(self) -> Sum:
        """The inputs with their factors alone."""
        return Sum(inputs=self.inputs)

    @cached_property
    def depth(self) -> int:
        """How many hinges are inside each other: as many layers of ReLUs compute it."""
        return max((1 + inner.depth for inner, _ in self.hinges), default=0)

    @cached_property
    def size(self) -> int:
        """How many terms it has, written out."""
        return 1 + len(self.inputs) + sum(inner.size for inner, _ in self.hinges)

    @cached_property
    def order(self) -> tuple[Any, ...]:
        """What sums are sorted by."""
        return (
            self.inputs,
            tuple((inner.order, factor) for inner, factor in self.hinges),
            self.constant,
        )

    def is_nonnegative(self, inputs: Iterable[Input] = ()) -> bool:
        """Whether it is so by its form, where these `inputs` are nonnegative."""
        known = set(inputs)
        return (
            self.constant >= 0
            and all(factor > 0 and each in known for each, factor in self.inputs)
            and all(factor > 0 for _, factor in self.hinges)
        )

    def value(self, at: Mapping[Input, Fraction]) -> Fraction:
        """What it is where the inputs have these values."""
        found = self.constant
        for each, factor in self.inputs:
            found += factor * at[each]
        for inner, factor in self.hinges:
            found += factor * max(inner.value(at), Fraction(0))
        return found

    def canonical(self) -> Sum:
        """The same function with one of relu(z) and relu(-z) for each z, since relu(-z) = relu(z) - z, and without the
        hinges that never bend: two sums with one canonical form are one function (not the other way round)."""
        return self._canonical

    @cached_property
    def _canonical(self) -> Sum:
        parts = [(Sum(self.constant, self.inputs), Fraction(1))]
        for inner, factor in self.hinges:
            z = inner.canonical()
            if _is_positive(z):
                parts.append((z, factor))
            elif _is_positive(-z):
                continue
            elif _leading(z) < 0:
                parts += [(relu(-z), factor), (z, factor)]
            else:
                parts.append((relu(z), factor))
        return total(parts)

    def __str__(self) -> str:
        terms = [(factor, str(each)) for each, factor in self.inputs]
        terms += [(factor, f"relu({inner})") for inner, factor in self.hinges]
        text = ""
        for factor, name in terms:
            sign = ("-" if factor < 0 else "") if not text else (" - " if factor < 0 else " + ")
            text += sign + ("" if abs(factor) == 1 else f"{abs(factor)}*") + name
        if not text:
            return str(self.constant)
        if self.constant:
            text += f" {'-' if self.constant < 0 else '+'} {abs(self.constant)}"
        return text


def constant(value: Fraction | int) -> Sum:
    """A number."""
    return Sum(Fraction(value))


def of_input(each: Input) -> Sum:
    """An input."""
    return Sum(inputs=((each, Fraction(1)),))


def relu(inner: Sum, nonnegative: Iterable[Input] = ()) -> Sum:
    """max(0, inner); itself where it can't be negative, where these inputs can't be."""
    if not inner.inputs and not inner.hinges:
        return constant(max(inner.constant, Fraction(0)))
    known = tuple(nonnegative)
    if inner.is_nonnegative(known):
        return inner
    if (-inner).is_nonnegative(known):
        return Sum()
    scale = _content(inner)  # relu(2 z) = 2 relu(z): so that equal hinges are one
    return Sum(hinges=((inner * (1 / scale), scale),))


def absolute(of: Sum) -> Sum:
    """|of|."""
    return relu(of) + relu(-of)


def larger(a: Sum, b: Sum) -> Sum:
    """max(a, b)."""
    return b + relu(a - b)


def smaller(a: Sum, b: Sum) -> Sum:
    """min(a, b)."""
    return a - relu(a - b)


def folded(function: Callable[[Sum, Sum], Sum], sums: list[Sum]) -> Sum:
    """A function of two, one after the other, so that few hinges stand inside each other."""
    while len(sums) > 1:
        pairs = [function(*sums[index : index + 2]) for index in range(0, len(sums) - 1, 2)]
        sums = pairs + sums[2 * len(pairs) :]
    return sums[0]


def total(parts: Iterable[tuple[Sum, Fraction]]) -> Sum:
    """The sum of sums with factors."""
    number = Fraction(0)
    inputs: dict[Input, Fraction] = {}
    hinges: dict[Sum, Fraction] = {}
    for part, factor in parts:
        number += factor * part.constant
        for each, own in part.inputs:
            inputs[each] = inputs.get(each, Fraction(0)) + factor * own
        for inner, own in part.hinges:
            hinges[inner] = hinges.get(inner, Fraction(0)) + factor * own
    return Sum(
        number,
        tuple(sorted((each, factor) for each, factor in inputs.items() if factor)),
        tuple(sorted(((inner, factor) for inner, factor in hinges.items() if factor), key=lambda pair: pair[0].order)),
    )


def _is_positive(of: Sum) -> bool:
    """Whether a sum is at least 0 by its form, with each hinge of inputs alone turned one way or the other."""
    turning = [(inner, factor) for inner, factor in of.hinges if not inner.hinges]
    if len(turning) > MOST_TURNED:
        return of.is_nonnegative()
    for turns in product((False, True), repeat=len(turning)):
        parts = [(of, Fraction(1))]
        for (inner, factor), turned in zip(turning, turns, strict=True):
            if turned:  # relu(w) = relu(-w) + w
                parts += [(relu(inner), -factor), (relu(-inner), factor), (inner, factor)]
        if total(parts).is_nonnegative():
            return True
    return False


def _content(of: Sum) -> Fraction:
    """The number that leaves whole numbers without a common divisor where the sum is divided by it."""
    factors = [factor for _, factor in (*of.inputs, *of.hinges)] + ([of.constant] if of.constant else [])
    below = lcm(*(each.denominator for each in factors))
    return Fraction(gcd(*(int(each * below) for each in factors)), below)


def _leading(of: Sum) -> Fraction:
    """The first factor that is not 0, the constant at last."""
    for _, factor in (*of.inputs, *of.hinges):
        return factor
    return of.constant
