"""How the tensors of a network follow when its input is shifted along one axis.

Where a layer does the same at each position, a shifted input gives a shifted output, but for what borders do. Three
things are kept apart, since each is true of other networks (docs/proofs.md has the arguments):

- any content, shifted by what is new at one end: output positions that see nothing of a border, before and after;
- circular shifts, what leaves at one end coming in at the other: all positions;
- contents on a background of zeros, clear of the borders: what is made of all positions, whatever their order.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from math import ceil, floor, gcd, lcm
from typing import Final, NamedTuple

from archtool.algebra.structure.flow import carried
from archtool.algebra.structure.shapes import same_positions
from archtool.errors import Untraceable
from archtool.field import POINTWISE, AxisField, Reach
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import WINDOWED, Positions
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, at_most, ceil_div, equal, maximum, minimum

_ITSELF: Final = AxisField(1, (Reach(0, 0, 0, 0),), 1, 1)


class Reads(NamedTuple):
    """What position p of a tensor may see of the input: [slope*p + first, slope*p + last], on numbers."""

    slope: Fraction = Fraction(1)
    first: Fraction = Fraction(0)
    last: Fraction = Fraction(0)


class Shifted(NamedTuple):
    """A tensor while the input is shifted by `shift` positions, or by a multiple: it moves `by` so many, or stays as it
    is where that is 0.

    Its positions low <= p < high see no border, themselves or through others. `mixed` is the first layer that looks at
    all positions, `bordered` the first that circular shifts do not pass, `stuck` the first whose border shows more than
    lies beside it; empty where there is none. What is made of all positions stays as it is for contents that lie in the
    input's positions begin <= p <= end. `is_even`: all its positions are the same.
    """

    shift: int
    by: int
    low: Size = 0
    high: Size = 1
    reads: Reads | None = None
    mixed: str = ""
    bordered: str = ""
    stuck: str = ""
    begin: int | None = None
    end: int | None = None
    is_even: bool = False


class Broken(NamedTuple):
    """A tensor of which nothing is known while the input is shifted, and why."""

    reason: str


State = Shifted | Broken


def shifts(flat: FlatNetwork, axis: int) -> dict[int, State]:
    """What becomes of each tensor of a network, by its number, while all inputs are shifted along an axis.

    Raises Untraceable where a stride varies, and where turns of a repeat are left out in each of which more sees a
    border.
    """
    starts = [_start(shape, axis) for shape in flat.inputs.values()]
    return carried(flat, starts, partial(_through, axis), _either)


def _start(shape: Shape, axis: int) -> State:
    if not shape.axes:
        return Shifted(1, 0, is_even=True)
    if axis >= len(shape.axes):
        return Broken(f"the inputs have not the same axes: {shape} has no axis {axis}")
    n = shape.axes[axis]
    if not isinstance(n, int):
        return Shifted(1, 1, 0, n)
    return Shifted(1, 1, 0, n, Reads(), begin=0, end=n - 1)


def _through(axis: int, layer: FlatLayer, parts: tuple[State, ...]) -> State:
    run = layer.run
    if run.layer.ignores_input:
        return Shifted(1, 0, is_even=_one(run.output, axis))
    known: list[Shifted] = []
    for part in parts:
        if isinstance(part, Broken):
            return part
        known.append(part)
    if all([part.by == 0 for part in known]):
        return _still(layer, axis, known)
    positions = run.layer.symmetry(run.inputs[0]).positions
    if run.layer.is_join:
        return _joined(layer, axis, known) if positions in WINDOWED else _objection(layer)
    first, *sides = known
    if sides:
        if positions is not Positions.ALIKE:
            return _objection(layer)
        first = _beside(layer, first, [_mixed(layer, side) for side in sides])
    if first.by == 0:
        return _still(layer, axis, [first])
    if positions is Positions.POOLED:
        return _mixed(layer, first)._replace(by=0, reads=None, is_even=_one(run.output, axis))
    if positions is Positions.ALIKE:
        return _mixed(layer, first) if run.field.is_global else first
    return _windowed(layer, axis, first) if positions in WINDOWED else _objection(layer)


def _objection(layer: FlatLayer) -> Broken:
    return Broken(f"{layer.name} ({layer.run.kind}) is not the same at each position")


def _one(shape: Shape, axis: int) -> bool:
    """Whether a tensor has one position along an axis of the input; of tokens without a grid, one token."""
    along = shape.axes[axis : axis + 1] if axis < len(shape.axes) and not shape.lead else shape.spatial
    return all_of(*[equal(n, 1) for n in along]) is True


def _still(layer: FlatLayer, axis: int, parts: list[Shifted]) -> Shifted:
    """A layer of tensors that stay as they are."""
    run = layer.run
    x = run.inputs[0]
    in_place = run.layer.symmetry(x).positions is not Positions.APART and run.field.axes == POINTWISE.axes
    spread = bool(run.field.axes) and axis < len(run.field.axes) and equal(run.field.axes[axis].stride, 0) is True
    spread = spread and run.layer.symmetry(x).positions in WINDOWED
    even = _one(run.output, axis) or spread or (in_place and all([part.is_even for part in parts]))
    return _together(parts)._replace(is_even=even)


def _together(parts: list[Shifted]) -> Shifted:
    """What several tensors have in common; none of them breaks it."""
    begins = [part.begin for part in parts if part.begin is not None]
    ends = [part.end for part in parts if part.end is not None]
    return Shifted(
        shift=lcm(*[part.shift for part in parts]),
        by=0,
        mixed=next((part.mixed for part in parts if part.mixed), ""),
        bordered=next((part.bordered for part in parts if part.bordered), ""),
        stuck=next((part.stuck for part in parts if part.stuck), ""),
        begin=max(begins) if begins else None,
        end=min(ends) if ends else None,
    )


def _joined(layer: FlatLayer, axis: int, parts: list[Shifted]) -> State:
    """Tensors that are joined position by position: those that move have to move alike."""
    shift = lcm(*[part.shift for part in parts])
    pairs = list(zip(parts, layer.run.inputs, strict=True))
    moving = [(part, x) for part, x in pairs if part.by]
    steps = {part.by * (shift // part.shift) for part, _ in moving}
    if len(steps) > 1:
        return Broken(f"{layer.name} ({layer.run.kind}) joins tensors that move by different steps")
    for part, x in pairs:
        if part.by == 0 and not part.is_even:
            return Broken(f"{layer.name} ({layer.run.kind}) joins one that has its own numbers at each position")
        if part.by and not same_positions(x, layer.run.output):
            return Broken(f"{layer.name} ({layer.run.kind}) stretches a tensor that moves")
    reads = [part.reads for part, _ in moving]
    return _together(parts)._replace(
        shift=shift,
        by=steps.pop(),
        low=maximum(*[part.low for part, _ in moving]),
        high=minimum(*[part.high for part, _ in moving]),
        reads=_hull([each for each in reads if each is not None]) if None not in reads else None,
    )


def _hull(reads: list[Reads]) -> Reads:
    return Reads(reads[0].slope, min([each.first for each in reads]), max([each.last for each in reads]))


def _beside(layer: FlatLayer, first: Shifted, sides: list[Shifted]) -> Shifted:
    """A tensor beside which a layer takes others as a whole, in whatever order their positions are."""
    together = _together([first, *sides])
    return first._replace(
        shift=together.shift,
        by=first.by * (together.shift // first.shift),
        mixed=together.mixed,
        bordered=together.bordered,
        stuck=together.stuck,
        begin=together.begin,
        end=together.end,
    )


def _mixed(layer: FlatLayer, part: Shifted) -> Shifted:
    """A tensor whose positions are all looked at, in whatever order: for contents that its borders do not see."""
    if part.by == 0:
        return part
    mixed = part.mixed or layer.name
    if part.reads is None or not isinstance(part.low, int) or not isinstance(part.high, int):
        return part._replace(mixed=mixed, stuck=part.stuck or layer.name)
    slope, first, last = part.reads
    begin, end = floor(slope * (part.low - 1) + last) + 1, ceil(slope * part.high + first) - 1
    if part.begin is not None and part.end is not None:
        begin, end = max(begin, part.begin), min(end, part.end)
    return part._replace(mixed=mixed, begin=begin, end=end)


def _windowed(layer: FlatLayer, axis: int, part: Shifted) -> State:
    """A layer that is the same function, for each phase, of what an output position reads."""
    run = layer.run
    x, y = run.inputs[0], run.output
    field = run.layer.field(x, run.layer.window(x))
    if len(x.axes) != len(y.axes) or field.is_global:
        return _objection(layer)
    along = field.axes[axis] if field.axes else _ITSELF
    stride, period = along.stride, len(along.phases)
    if not isinstance(stride, int):
        raise Untraceable(f"the stride of {layer.name} varies", stride)
    if stride == 0:
        return Broken(f"{layer.name} ({run.kind}) shows one position of its input everywhere")
    times = stride // gcd(part.by, stride)
    n, m = x.axes[axis], y.axes[axis]
    starts = [period * (ceil_div(part.low - each.low, stride) - 1) + r for r, each in enumerate(along.phases)]
    stops = [period * ((part.high - 1 - each.high) // stride + 1) + r for r, each in enumerate(along.phases)]
    inside = _stays_inside(along, n, m)
    border = "zeros" if inside is True else getattr(run.layer.mixing(x), "border", "zeros")
    wraps = all_of(equal(period * n, stride * m), inside if border != "circular" else True) is True
    moved = part._replace(
        shift=part.shift * times,
        by=part.by * times // stride * period,
        low=maximum(0, maximum(*starts) + 1),
        high=minimum(m, *stops),
        reads=_seen(part.reads, along),
        bordered=part.bordered or ("" if wraps else layer.name),
        stuck=part.stuck or ("" if border == "zeros" or _nearby(along, n, m, border) else layer.name),
    )
    if layer.times != 1 and not _same(part, moved):
        raise Untraceable(f"{layer.name} stands for several turns, of which each sees farther", layer.times)
    return moved


def _same(part: Shifted, moved: Shifted) -> bool:
    """Whether a tensor moves as another and sees as much, so that a turn more or less makes no difference."""
    alike = (part.shift, part.by, part.reads) == (moved.shift, moved.by, moved.reads)
    return alike and all_of(equal(part.low, moved.low), equal(part.high, moved.high)) is True


def _stays_inside(along: AxisField, n: Size, m: Size) -> Condition:
    """Whether outputs 0 to m - 1 read inputs 0 to n - 1 alone."""
    period, stride = len(along.phases), along.stride
    conditions: list[Condition] = []
    for r, each in enumerate(along.phases):
        last = stride * ((m - 1 - r) // period) + each.high
        conditions += [at_most(0, each.low), at_most(last, n - 1)]
    return all_of(*conditions)


def _nearby(along: AxisField, n: Size, m: Size, border: str) -> bool:
    """Whether what a border shows lies within the interval of its reader anyway: the padding mode's word says which
    positions it shows."""
    if border == "circular" or not isinstance(n, int) or not isinstance(m, int):
        return False
    period = len(along.phases)
    for p in [*range(min(period, m)), *range(max(0, m - period), m)]:
        low, high = [end + along.stride * (p // period) for end in along.phases[p % period][:2]]
        near = low + high >= 0 if border == "reflect" else high >= 0
        far = low + high <= 2 * (n - 1) if border == "reflect" else low <= n - 1
        if (low < 0 and not near) or (high >= n and not far):
            return False
    return True


def _seen(reads: Reads | None, along: AxisField) -> Reads | None:
    """What is seen of the input behind a layer with this field."""
    ends = [(each.low, each.high) for each in along.phases]
    numbers = [(low, high) for low, high in ends if isinstance(low, int) and isinstance(high, int)]
    if reads is None or len(numbers) != len(ends) or not isinstance(along.stride, int):
        return None
    step = Fraction(along.stride, len(ends))
    first = min([low - step * r for r, (low, _) in enumerate(numbers)])
    last = max([high - step * r for r, (_, high) in enumerate(numbers)])
    slope = reads.slope
    return Reads(slope * step, reads.first + slope * first, reads.last + slope * last)


def _either(yes: State, no: State) -> State:
    """A tensor that is one of two."""
    if isinstance(yes, Broken) or isinstance(no, Broken):
        return yes if isinstance(yes, Broken) else no
    if (yes.shift, yes.by) != (no.shift, no.by):
        return Broken("it depends on a condition by how much a tensor moves")
    return _together([yes, no])._replace(
        by=yes.by,
        low=maximum(yes.low, no.low),
        high=minimum(yes.high, no.high),
        reads=_hull([yes.reads, no.reads]) if yes.reads and no.reads else None,
        is_even=yes.is_even and no.is_even,
    )
