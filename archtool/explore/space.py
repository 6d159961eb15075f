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
STEP: Final = 8192  # numbers whose digits are computed at once: they fit into a core's caches


@dataclass(frozen=True, kw_only=True)
class Knob:
    """What varies: a var (`width`) or an item of one (`depths[0]`), and its value at each place of its axis.

    `values` is a range, or a tuple of numbers, truth values, words, steps or lists. Where the knob is an item of a list
    that the space makes (`{each: 8, of: ...}`), `among` is that list's length; else the other items are the var's own.
    """

    name: str
    values: Sequence[Any]
    among: int | None = None

    @property
    def var(self) -> str:
        """The var that varies, as a whole or in an item."""
        return self.name.partition("[")[0]


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

        digits = np.empty((len(self.axes), stop - start), dtype=np.int64)  # at once: large ones lie in large pages
        if self.sample is None:
            _split(np.arange(start, stop, dtype=np.int64), self.lengths, digits)
        else:
            self._draw(self.sample.seed, start, digits)
        return list(digits)

    def _draw(self, seed: int, start: int, digits: Digits) -> None:
        import numpy as np

        stop = start + digits.shape[1]
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            draw = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, block]))
            first = block * BLOCK
            within = slice(max(start, first), min(stop, first + BLOCK))
            for axes in self._drawn_together:
                lengths = self.lengths[axes]
                number = draw.integers(0, prod(lengths), BLOCK)[within.start - first : within.stop - first]
                _split(number, lengths, digits[axes, within.start - start : within.stop - start])

    @cached_property
    def _drawn_together(self) -> list[slice]:
        """The axes in parts whose places have numbers of 63 bits: one draw gives the digits of all of them."""
        parts: list[slice] = []
        first = 0
        for axis in range(1, len(self.lengths) + 1):
            if axis == len(self.lengths) or prod(self.lengths[first : axis + 1]) > 2**63:
                parts.append(slice(first, axis))
                first = axis
        return parts

    def design(self, number: int) -> dict[str, Any]:
        """The knobs' values of one design, by name."""
        digits = [int(digit[0]) for digit in self.digits(number, number + 1)]
        return {
            knob.name: knob.values[digit] for axis, digit in zip(self.axes, digits, strict=True) for knob in axis.knobs
        }


def _split(number: Digits, lengths: Sequence[int], digits: Digits) -> None:
    """Write the digits of some numbers, one row an axis, the last axis fastest."""
    for start in range(0, len(number), STEP):
        part = slice(start, start + STEP)
        rest = number[part]
        for axis in range(len(lengths) - 1, 0, -1):
            whole = rest // lengths[axis]
            digits[axis, part] = rest - whole * lengths[axis]
            rest = whole
        digits[0, part] = rest
