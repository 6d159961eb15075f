"""How much further apart the outputs of a network can be than its inputs, whatever the weights: a bound, in the
Euclidean norm of all elements together.

A layer of one tensor multiplies the bound by its own; a sum of tensors adds their bounds; tensors behind each other, or
of which the greatest is taken, have the root of the sum of the squares. Along each axis a fixed sum's own bound is the
root of the largest row times the largest column of its absolute weights (Schur's test), a choice's that of how many
outputs read one input.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import inf, isqrt, nextafter, prod, sqrt
from typing import Any, Final, NamedTuple

from archtool.algebra.structure.flow import AT_INFERENCE, carried, contributing, told
from archtool.analysis.meanfield.readings import folded
from archtool.errors import RuleError, Untraceable
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.mixing import (
    Applied,
    Blended,
    Chosen,
    Collapsed,
    Concatenated,
    Copied,
    Framed,
    Mixing,
    Normalised,
    Picked,
    Preceded,
    Summed,
    Weighted,
)
from archtool.shape import Shape
from archtool.size import Size, all_of, equal, less
from archtool.taps import AxisTaps

LARGEST: Final = 2**18  # positions along an axis, and what they read, that are looked at one by one
Slope = Fraction | float  # a rational where it is one; infinity where weights decide


class Lipschitz(NamedTuple):
    """No two outputs are further apart than `value` times their inputs; `exact` where no smaller number would do
    (infinity: weights can make it as large as they like). `steps` is the derivation."""

    value: Slope
    exact: bool
    steps: tuple[str, ...]


class _Bound(NamedTuple):
    """The bound of a tensor; `grows` where weights make each of its elements as large as they like for positive inputs,
    `rises` where each can be made to rise with positive inputs, by positive weights."""

    value: Slope
    grows: bool
    rises: bool


def lipschitz(flat: FlatNetwork) -> Lipschitz:
    """A bound of the Lipschitz constant over all weights; infinity where there is none, or none is known.

    It is exact where there is nothing but one layer that is known to reach its own, and where it is infinite since
    learned weights alone decide it.
    """
    bounds = carried(flat, [_Bound(Fraction(1), False, True)] * len(flat.inputs), _through, _either)
    ends = [bounds[number] for number in flat.outputs.values()]
    value = _root_of_squares([end.value for end in ends])
    layers = contributing(flat)
    if value and not all(map(_stays_in_turns, layers)):
        value = inf
    steps = told((layer, _word(layer)) for layer in layers)
    exact = any(end.grows and end.rises for end in ends) if value == inf else value == 0 or not layers
    what = f"so the outputs are at most {_number(value)} times as far apart as the inputs"
    if value == inf:
        what = "learned weights make it as large as they like" if exact else "no bound is known"
    return Lipschitz(value, exact, (*steps, what, AT_INFERENCE))


def _stays_in_turns(layer: FlatLayer) -> bool:
    """Whether the bounds of a repeat's turns, for all of which a layer stands, are no more than those of one."""
    alone = layer.run.layer.ignores_input or (len(layer.run.inputs) == 1 and own(layer) <= 1)
    return alone or equal(layer.times, 1) is True


def own(layer: FlatLayer, index: int = 0) -> Slope:
    """The bound of a layer by itself as a function of one of its tensors; infinity where weights decide it, or where
    none is known."""
    kind, x = layer.run.layer, layer.run.inputs[index]
    if kind.is_join:
        mixing, y = kind.mixing(x), layer.run.output
        if isinstance(mixing, Concatenated):
            return Fraction(1)
        return _spread(x, y) if isinstance(mixing, Summed | Chosen) else inf
    told_by_kind = kind.steepness(x)
    if told_by_kind is not None:
        return Fraction(told_by_kind) if isinstance(told_by_kind, int | Fraction) else float(told_by_kind)
    if index or len(layer.run.inputs) > 1:
        return inf
    try:
        return _by_mixing(layer)
    except (RuleError, Untraceable):  # sizes that vary
        return inf


def _spread(x: Shape, y: Shape) -> Slope:
    """How much longer a tensor x is where a join repeats it to be as large as y."""
    if all_of(*map(equal, x.dims, y.dims)) is True and len(x.dims) == len(y.dims):
        return Fraction(1)
    if not isinstance(x.elements, int) or not isinstance(y.elements, int):
        return inf
    return _root(Fraction(y.elements, x.elements))


def _by_mixing(layer: FlatLayer) -> Slope:
    x = layer.run.inputs[0]
    mixing = layer.run.layer.mixing(x)
    if isinstance(mixing, Framed | Preceded | Picked):
        return Fraction(1)
    if isinstance(mixing, Collapsed):
        return Fraction(1) if mixing.greatest else _root(Fraction(1, _number_of(x.channels)))
    if isinstance(mixing, Copied) and mixing.border == "zeros":
        return Fraction(1)
    if not isinstance(mixing, Copied | Chosen | Blended):
        return inf
    if layer.run.field.is_global or not layer.run.field.axes:
        n = _number_of(x.positions)
        return Fraction(1) if not isinstance(mixing, Blended) else _root(Fraction(1, n))
    sizes = [(_number_of(n), _number_of(m)) for n, m in zip(x.axes, layer.run.output.axes, strict=True)]
    taps = layer.run.layer.taps(x, layer.run.field)
    squares = []
    for axis, ((n, m), along) in enumerate(zip(sizes, taps, strict=True)):
        if not _is_looked_at(along, n, m):
            return inf
        rows, columns = Fraction(0), [Fraction(0)] * n
        for position in range(m):
            reads = along.reads(position)
            weights: Any = mixing.weights(axis, position, reads) if isinstance(mixing, Blended) else [1] * len(reads)
            border = "zeros" if isinstance(mixing, Chosen) else mixing.border
            row = Fraction(0)
            for read, weight in zip(reads, weights, strict=True):
                if border == "zeros" and not 0 <= read < n:
                    continue
                inside = read if 0 <= read < n else folded(read, n, border)
                size = abs(_short(weight))
                row += size
                columns[inside] += size
            rows = max(rows, row)
        squares.append(max(columns) * (rows if isinstance(mixing, Blended) else 1))
    return _root(prod(squares, start=Fraction(1)))


@lru_cache(2**12)  # most windows have the same weights
def _short(weight: float) -> Fraction:
    """A weight as the fraction that it stands for (1/3, 1/9), or a little above it."""
    near = Fraction(weight).limit_denominator(2**20)
    return near if float(near) == float(weight) else Fraction(nextafter(abs(float(weight)), inf))


def _through(layer: FlatLayer, parts: tuple[_Bound, ...]) -> _Bound:
    kind, x = layer.run.layer, layer.run.inputs[0]
    if kind.ignores_input or not any(part.value for part in parts):
        return _Bound(Fraction(0), False, False)
    mixing = kind.mixing(x)
    values = [_times(own(layer, index), part.value) for index, part in enumerate(parts)]
    value = sum(values, Fraction(0)) if isinstance(mixing, Summed) else _root_of_squares(values)
    backwards = isinstance(mixing, Summed) and mixing.others != 1
    rises = all(part.rises for part in parts) and not backwards and _rises(layer)
    scales = isinstance(mixing, Weighted) or kind.nature(x).affine
    learned = scales and value == inf and less(0, layer.run.cost.params) is True
    apart = isinstance(mixing, Concatenated | Chosen)  # an element may be of one of them alone
    grows = (all if apart else any)(part.grows for part in parts)
    return _Bound(value, grows or learned, rises)


def _rises(layer: FlatLayer) -> bool:
    """Whether each element that a layer makes rises with those that it takes, while these and its weights are
    positive."""
    import numpy as np

    kind, x = layer.run.layer, layer.run.inputs[0]
    mixing = kind.mixing(x)
    if isinstance(mixing, Summed | Concatenated):
        return True
    if isinstance(mixing, Normalised):
        return kind.nature(x).affine
    if isinstance(mixing, Applied):
        return kind.nature(x).homogeneous and float(mixing.function(np.ones(1))[0]) > 0
    if isinstance(mixing, Collapsed):
        return True
    if not isinstance(mixing, Weighted | Copied | Chosen | Blended):
        return False
    if kind.is_join or layer.run.field.is_global or not layer.run.field.axes:
        return True
    try:
        sizes = [(_number_of(n), _number_of(m)) for n, m in zip(x.axes, layer.run.output.axes, strict=True)]
        taps = kind.taps(x, layer.run.field)
    except (RuleError, Untraceable):  # sizes that vary
        return False
    return all([_reads(mixing, axis, *sizes[axis], along) for axis, along in enumerate(taps)])


def _reads(mixing: Mixing, axis: int, n: int, m: int, along: AxisTaps) -> bool:
    """Whether along an axis each of m outputs reads some of n inputs, none with a negative weight."""
    if not _is_looked_at(along, n, m):
        return False
    border = getattr(mixing, "border", "zeros")
    for position in range(m):
        reads = along.reads(position)
        weights = mixing.weights(axis, position, reads) if isinstance(mixing, Blended) else [1] * len(reads)
        seen = [w for read, w in zip(reads, weights, strict=True) if border != "zeros" or 0 <= read < n]
        if not any(seen) or min(seen) < 0:
            return False
    return True


def _is_looked_at(along: AxisTaps, n: int, m: int) -> bool:
    """Whether an axis of m outputs of n inputs is short enough to be looked at position by position."""
    return max(n, m * max(map(len, along.offsets))) <= LARGEST


def _either(yes: _Bound, no: _Bound) -> _Bound:
    return _Bound(max(yes.value, no.value), yes.grows and no.grows, yes.rises and no.rises)


def _times(a: Slope, b: Slope) -> Slope:
    if not a or not b:
        return Fraction(0)
    if a == 1 or b == 1:
        return b if a == 1 else a
    return a * b if isinstance(a, Fraction) and isinstance(b, Fraction) else _up(float(a) * float(b))


def _root_of_squares(values: Iterable[Slope]) -> Slope:
    values = [value for value in values if value]
    if len(values) < 2:
        return values[0] if values else Fraction(0)
    if all(isinstance(value, Fraction) for value in values):
        return _root(sum((Fraction(value) ** 2 for value in values), Fraction(0)))
    return _up(_up(sqrt(sum(float(value) ** 2 for value in values))))


def _root(square: Fraction) -> Slope:
    """The root of a fraction: itself one, or a number just above it."""
    over, under = isqrt(square.numerator), isqrt(square.denominator)
    if over * over == square.numerator and under * under == square.denominator:
        return Fraction(over, under)
    return _up(_up(sqrt(square)))


def _up(value: float) -> float:
    return nextafter(value, inf)


def _number(value: Slope) -> str:
    return str(value) if isinstance(value, Fraction) else f"{value:.6g}"


def _number_of(size: Size) -> int:
    if not isinstance(size, int):
        raise RuleError("a size varies")
    return size


def _word(layer: FlatLayer) -> str:
    """What a derivation says of a layer."""
    kind = layer.run.layer
    mixing = kind.mixing(layer.run.inputs[0])
    if kind.ignores_input:
        return "depends on no input: 0"
    if isinstance(mixing, Summed):
        return "adds the bounds of its tensors"
    if kind.is_join and isinstance(mixing, Concatenated | Chosen):
        return "takes the root of the sum of the squares of the bounds of its tensors"
    value = own(layer)
    if value != inf:
        return f"at most {_number(value)}"
    return "no bound is known" if equal(layer.run.cost.params, 0) is True else "decided by its weights"
