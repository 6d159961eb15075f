"""What one position of a tensor sees of the tensor it comes from: the receptive field, exactly.

Along an axis, position P*q + r of the tensor sees positions [S*q + low_r, S*q + high_r] of its source, for
each phase r < P (P is 1 but after transposed, upsampled and adaptively pooled paths); one whose low lies behind its
high sees nothing. Positions below 0 or past the end lie in padding. Fields compose: they are kept relative to a block's
input, so a block's field is computed once. An interval is told by its ends, holes in it included: where a later window
skips positions, some of which alone see far or see anything, what is told is a hull.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import gcd, lcm
from typing import Final, NamedTuple

from archtool.errors import RuleError, Untraceable
from archtool.size import Condition, Size, at_most, equal, less, maximum, minimum, where
from archtool.trace import bounds
from archtool.window import AxisWindow, Window

LOCAL: Final = 0  # sees what its interval says
LOCAL_AND_GLOBAL: Final = 1  # sees its interval by local paths, and everything by another (a squeeze-excite gate)
GLOBAL: Final = 2  # nothing local left; the axes keep what was seen before everything was mixed

LARGEST_PERIOD: Final = 4096  # phases of an axis
LARGEST_STRIDE: Final = 2**4096


class Reach(NamedTuple):
    """What the positions of one phase see: the interval [low, high], and twice the centre of the first and the last
    path (paths are aligned where these two agree)."""

    low: Size
    high: Size
    first: Size
    last: Size

    @property
    def sees_nothing(self) -> Condition:
        """Whether the interval is empty: a position between the taps of a transposed convolution."""
        return less(self.high, self.low)


class AxisField(NamedTuple):
    """The field along one axis: `stride` is S, `phases` one Reach for each r; `narrow` and `wide` are the sizes of
    the smallest and the largest single path."""

    stride: Size
    phases: tuple[Reach, ...]
    narrow: Size
    wide: Size

    @property
    def size(self) -> Size:
        """How many source positions the hull spans (the widest phase)."""
        return maximum(*(reach.high - reach.low + 1 for reach in self.phases))

    @property
    def start(self) -> Size:
        """The first source position that position 0 sees; negative in padding."""
        return self.phases[0].low

    @property
    def misalignment(self) -> Size:
        """Twice the distance, in source positions, between the centres of the paths that lie farthest apart."""
        return maximum(*(reach.last - reach.first for reach in self.phases))

    def then(self, later: AxisField) -> AxisField:
        """The field of a tensor that sees, by `later`, the tensor with this field."""
        if later is _ITSELF:
            return self
        low, high, first, last = self.phases[0]
        if len(self.phases) != 1 or (type(high) is int and type(low) is int and high < low):
            return _then_by_phase(self, later)  # what sees nothing shows nothing, in one phase too
        stride = self.stride
        phases = tuple(
            [
                Reach(stride * a + low, stride * b + high, stride * c + first, stride * d + last)
                for a, b, c, d in later.phases
            ]
        )
        if len(phases) != 1:
            phases = tuple(map(_emptied, phases, later.phases))
        steps = stride * later.stride
        if type(steps) is int and steps > LARGEST_STRIDE:
            raise RuleError("the stride of what is seen grows beyond all bounds")
        return AxisField(
            steps,
            phases,
            self.narrow + stride * (later.narrow - 1),
            self.wide + stride * (later.wide - 1),
        )

    def power(self, n: Size) -> AxisField:
        """This field composed n >= 1 times with itself: by squaring, and in closed form where n varies."""
        if isinstance(n, int):
            return _power(self, n)
        low, high = bounds(self.stride)
        if len(self.phases) != 1 or low < 0 or high > 1:
            raise Untraceable("the field of a varying number of turns needs a stride of 1", n)
        times = 1 + self.stride * (n - 1)  # stride 1: n; stride 0 (one position): 1
        reach = Reach(*(end * times for end in self.phases[0]))
        return AxisField(self.stride, (reach,), 1 + (self.narrow - 1) * times, 1 + (self.wide - 1) * times)


class Field(NamedTuple):
    """The field of a tensor: one AxisField for each axis of its source, and one of the three states above."""

    axes: tuple[AxisField, ...]
    state: Size = LOCAL

    def then(self, later: Field) -> Field:
        """The field of a tensor that sees, by `later`, the tensor with this field.

        What was mixed globally stays as it is: a later window adds nothing to it.
        """
        if self.state == LOCAL or bounds(self.state)[1] < GLOBAL:
            state = self.state if later.state == LOCAL else maximum(self.state, later.state)
            if not later.axes:
                return self if state is self.state else Field(self.axes, state)
            if len(self.axes) != len(later.axes):
                raise RuleError(f"a window over {len(later.axes)} axes on a tensor that comes from {len(self.axes)}")
            return Field(_each_once(self.axes, later.axes), state)
        if not isinstance(self.state, int):
            raise Untraceable("whether anything local is left varies with the design", self.state)
        return self

    def power(self, n: Size) -> Field:
        """This field composed n >= 1 times with itself."""
        if self.state == GLOBAL:
            return self
        return Field(tuple(axis.power(n) for axis in self.axes), self.state)

    def settled(self, spatial: tuple[Size, ...]) -> Field:
        """The field of a tensor of these sizes: along an axis with one position the stride is 0."""
        for n in spatial:
            if n == 1 or (type(n) is not int and bounds(n)[0] <= 1):
                break
        else:
            return self
        if self.state == GLOBAL or len(spatial) != len(self.axes):
            return self
        axes = tuple(
            axis._replace(stride=where(equal(n, 1), 0, axis.stride)) for axis, n in zip(self.axes, spatial, strict=True)
        )
        return Field(axes, self.state)

    @property
    def is_global(self) -> bool:
        """Whether some path sees everything."""
        return self.state != LOCAL

    @property
    def is_aligned(self) -> bool:
        """Whether the centres of all paths agree, along every axis."""
        return all(axis.misalignment == 0 for axis in self.axes)


POINTWISE: Final = Field(())
EVERYTHING: Final = Field(POINTWISE.axes, GLOBAL)
POINTWISE_AND_EVERYTHING: Final = Field(POINTWISE.axes, LOCAL_AND_GLOBAL)
_ITSELF: Final = AxisField(1, (Reach(0, 0, 0, 0),), 1, 1)


def local_if(condition: Condition) -> Field:
    """The field of what sees its own position alone where the condition holds, else everything."""
    return Field(POINTWISE.axes, where(condition, LOCAL, GLOBAL))


def identity(spatial: tuple[Size, ...]) -> Field:
    """The field of a tensor in itself."""
    return Field((_ITSELF,) * len(spatial)).settled(spatial)


def of_window(window: Window) -> Field:
    """The field of a window's output in its input."""
    first = window[0]
    if all([axis is first for axis in window]):
        return Field((_of_axis(first),) * len(window))
    return Field(tuple([_of_axis(axis) for axis in window]))


def _of_axis(window: AxisWindow) -> AxisField:
    size, stride, before, _ = window
    if size == 1 and stride == 1 and before == 0:
        return _ITSELF
    centre = size - 1 - 2 * before
    return AxisField(stride, (Reach(-before, size - 1 - before, centre, centre),), size, size)


def hull(fields: list[Field], spatial: tuple[Size, ...]) -> Field:
    """The field of a join of paths that come from one source, for an output of these sizes.

    Paths that see everything and nothing locally are left out unless all do. Paths whose strides differ drift
    apart; the hull is then over all output positions, and the same whatever their order.
    """
    first = fields[0]
    if all([field is first for field in fields]):
        return first
    local = [field for field in fields if field.state != GLOBAL]
    if len(local) == len(fields):
        state = maximum(*(field.state for field in fields))
    else:
        state = LOCAL_AND_GLOBAL if local else GLOBAL
    chosen = [field.axes for field in local or fields]
    rank = len(chosen[0])
    sizes = spatial if local and len(spatial) == rank else (1,) * rank
    axes: list[AxisField] = []
    for index in range(rank):
        if index and sizes[index] == sizes[0] and all([each[index] is each[0] for each in chosen]):
            axes.append(axes[0])
        else:
            axes.append(_join(tuple([each[index] for each in chosen]), sizes[index]))
    return Field(tuple(axes), state)


def joined(fields: Iterable[Field | None], spatial: tuple[Size, ...]) -> Field | None:
    """What a join of these sizes sees of a source, by those of its paths that depend on it; None where none does."""
    known = [field for field in fields if field is not None]
    if len(known) < 2:
        return known[0] if known else None
    return hull(known, spatial).settled(spatial)


def _join(column: tuple[AxisField, ...], n: Size) -> AxisField:
    first = column[0]
    narrow = minimum(*[axis.narrow for axis in column])
    wide = maximum(*[axis.wide for axis in column])
    if all([len(axis.phases) == 1 and axis.stride == first.stride for axis in column]):
        return AxisField(first.stride, (_outermost([axis.phases[0] for axis in column]),), narrow, wide)
    period = lcm(*(len(axis.phases) for axis in column))
    column = tuple(_spread(axis, period) for axis in column)
    stride = maximum(*(axis.stride for axis in column))
    phases = tuple(
        _outermost(_seeing([reach for axis in column for reach in _drifted(axis, r, stride, (n - 1 - r) // period)]))
        for r in range(period)
    )
    return AxisField(stride, phases, narrow, wide)


def _drifted(axis: AxisField, r: int, stride: Size, turns: Size) -> list[Reach]:
    """The reach of phase r at the first and at the last position, told relative to a common stride."""
    reach = axis.phases[r]
    if axis.stride is stride or axis.stride == stride:
        return [reach]
    turns = maximum(turns, 0)
    shift = (axis.stride - stride) * turns
    low, high, first, last = reach
    return [reach, Reach(low + shift, high + shift, first + 2 * shift, last + 2 * shift)]


def _outermost(reaches: list[Reach]) -> Reach:
    lows, highs, firsts, lasts = zip(*reaches, strict=True)
    try:
        return Reach(min(lows), max(highs), min(firsts), max(lasts))
    except TypeError:  # an Expr refuses to be ordered
        return Reach(minimum(*lows), maximum(*highs), minimum(*firsts), maximum(*lasts))


def _emptied(reach: Reach, inner: Reach) -> Reach:
    """The reach, which is empty where the inner one is."""
    nothing = inner.sees_nothing
    return reach if nothing is False else reach._replace(high=where(nothing, reach.low - 1, reach.high))


def _seeing(reaches: list[Reach]) -> list[Reach]:
    """Those that see something; the first alone where none does."""
    return [reach for reach in reaches if not _sees_nothing(reach)] or reaches[:1]


def _sees_nothing(reach: Reach) -> bool:
    nothing = reach.sees_nothing
    if not isinstance(nothing, bool):
        raise Untraceable("which positions between the taps of a transposed convolution see anything varies", nothing)
    return nothing


def _spread(axis: AxisField, period: int) -> AxisField:
    """The same field with a period that is a multiple of its own."""
    old = len(axis.phases)
    if old == period:
        return axis
    if period > LARGEST_PERIOD:
        raise RuleError(f"what is seen repeats only after more than {LARGEST_PERIOD:,} positions")
    phases = tuple(_shifted(axis, r) for r in range(period))
    return axis._replace(stride=axis.stride * (period // old), phases=phases)


def _shifted(axis: AxisField, position: int) -> Reach:
    """What a position sees, relative to position 0."""
    turn, phase = divmod(position, len(axis.phases))
    low, high, first, last = axis.phases[phase]
    shift = axis.stride * turn
    return Reach(low + shift, high + shift, first + 2 * shift, last + 2 * shift)


def _then_by_phase(field: AxisField, later: AxisField) -> AxisField:
    """Composition where the middle tensor has several phases."""
    period = len(field.phases)
    fixed = [later.stride, *(end for reach in later.phases for end in reach)]
    if not all(isinstance(size, int) for size in fixed):
        raise Untraceable("a varying window on an upsampled tensor", *fixed)
    turns = period // gcd(period, _int(later.stride)) if later.stride else 1
    later = _spread(later, len(later.phases) * turns)
    grows = _grows(field)
    phases = tuple(_seen_between(field, reach, grows) for reach in later.phases)
    stride = field.stride * (_int(later.stride) // period)
    narrow = field.narrow + field.stride * (later.narrow - 1) // period
    wide = maximum(*(reach.high - reach.low + 1 for reach in phases))
    return AxisField(stride, phases, narrow, minimum(wide, field.wide + -(-field.stride * (later.wide - 1) // period)))


def _grows(field: AxisField) -> bool:
    """Whether both ends of what is seen grow with the position, as they do but for dilated transposed convolutions."""
    phases = [*field.phases, _shifted(field, len(field.phases))]
    return all(
        before.sees_nothing is False
        and at_most(before.low, behind.low) is True
        and at_most(before.high, behind.high) is True
        for before, behind in pairwise(phases)
    )


def _seen_between(field: AxisField, middle: Reach, grows: bool) -> Reach:
    """What is seen from positions `middle` of a tensor with phases. Where it grows with the position, the ends decide;
    else the positions of one period from either end, since a whole period later everything lies farther on."""
    low, high = _int(middle.low), _int(middle.high)
    first, last = _centre(field, _int(middle.first)), _centre(field, _int(middle.last), last=True)
    if grows:
        reach = Reach(_shifted(field, low).low, _shifted(field, high).high, first, last)
        return _emptied(reach, middle)
    more = len(field.phases) - 1
    lowest = _seeing([_shifted(field, p) for p in range(low, min(high, low + more) + 1)])
    highest = _seeing([_shifted(field, p) for p in range(max(low, high - more), high + 1)])
    if not lowest or _sees_nothing(lowest[0]):
        return Reach(first, first - 1, first, last)
    return Reach(minimum(*(reach.low for reach in lowest)), maximum(*(reach.high for reach in highest)), first, last)


def _centre(field: AxisField, doubled: int, last: bool = False) -> Size:
    """Twice the centre seen from a (doubled, so perhaps halfway) position of a tensor with phases."""
    which = 3 if last else 2
    below, above = _shifted(field, doubled // 2)[which], _shifted(field, -(-doubled // 2))[which]
    return (below + above) // 2


def _int(size: Size) -> int:
    assert isinstance(size, int)
    return size


def _power(axis: AxisField, n: int) -> AxisField:
    result: AxisField | None = None
    square = axis
    while True:
        if n & 1:
            result = square if result is None else result.then(square)
        n >>= 1
        if not n:
            return result or _ITSELF
        square = square.then(square)


def _each_once(axes: tuple[AxisField, ...], later: tuple[AxisField, ...]) -> tuple[AxisField, ...]:
    """Compose axis by axis; axes that are the same objects are composed once."""
    first, last = axes[0], later[0]
    joined = first.then(last)
    result = [joined]
    for index in range(1, len(axes)):
        if axes[index] is not first or later[index] is not last:
            first, last = axes[index], later[index]
            joined = first.then(last)
        result.append(joined)
    return tuple(result)
