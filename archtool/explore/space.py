"""A space of designs: axes that vary independently, each with the knobs that move along it.

A design is a number from 0 to `size` - 1: its digits, one an axis, the last axis fastest, say where it stands. Nothing
is made before it is asked for, so that a space of 10^18 designs is as cheap as one of ten. A sample is a number of
designs drawn from the space, each axis by itself; draws come in fixed blocks, each from its own seed, so that any of
them can be drawn again alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Digits = np.ndarray[Any, np.dtype[np.int64]]

BLOCK: Final = 65_536  # draws that one seed gives


@dataclass(frozen=True, kw_only=True)
class Knob:
    """What varies: a var (`width`) or an item of one (`depths[0]`), and its value at each place of its axis.

    `values` is a range, or a tuple of numbers, truth values, words, steps or lists. Where the knob is an item of a list
    that the space makes (`{each: 8, of: ...}`), `among` is that list's length; else the other items are the var's own.
    """

    name: str
    values: Sequence[Any]
    among: int | None = None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Knobs that move together (a zip), or one alone."""

    knobs: tuple[Knob, ...]

    @property
    def length(self) -> int:
        """The number of its places."""
        return len(self.knobs[0].values)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """So many designs, drawn independently and uniformly from a space (a design may come twice), by a seed."""

    count: int
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Space:
    """The product of some axes, or a sample of it."""

    axes: tuple[Axis, ...]
    sample: Sample | None = None

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """All that varies."""
        return tuple(knob for axis in self.axes for knob in axis.knobs)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The number of places of each axis."""
        return tuple(axis.length for axis in self.axes)

    @property
    def designs(self) -> int:
        """How many designs the axes make."""
        return prod(self.lengths)

    @property
    def size(self) -> int:
        """How many designs a sweep evaluates: those of the axes, or of the sample."""
        return self.designs if self.sample is None else self.sample.count

    def digits(self, start: int, stop: int) -> list[Digits]:
        """Where the designs from `start` up to `stop` stand on each axis: one int64 array an axis."""
        import numpy as np

        if self.sample is not None:
            return self._drawn(start, stop)
        number = np.arange(start, stop, dtype=np.int64)
        digits: list[Digits] = []
        for length in reversed(self.lengths):
            number, digit = np.divmod(number, length)
            digits.append(digit)
        return digits[::-1]

    def _drawn(self, start: int, stop: int) -> list[Digits]:
        import numpy as np

        assert self.sample is not None
        parts: list[list[Digits]] = []
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            draw = np.random.Generator(np.random.Philox(key=self.sample.seed, counter=[0, 0, 0, block]))
            within = slice(max(start - block * BLOCK, 0), min(stop - block * BLOCK, BLOCK))
            parts.append([draw.integers(0, length, BLOCK)[within] for length in self.lengths])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def design(self, number: int) -> dict[str, Any]:
        """The knobs' values of one design, by name."""
        digits = [int(digit[0]) for digit in self.digits(number, number + 1)]
        return {
            knob.name: knob.values[digit] for axis, digit in zip(self.axes, digits, strict=True) for knob in axis.knobs
        }
