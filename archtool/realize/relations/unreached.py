"""Laws of a network that another one breaks: which channels and positions reach which outputs, and that what it does is
the same at each position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, product
from typing import Final, NamedTuple

import torch
from torch import Tensor

from archtool.algebra.finding import Basis
from archtool.algebra.relations.graphs import Linear, Open, Source, graph
from archtool.algebra.relations.kernels import INSIDE, ZEROS
from archtool.algebra.structure.channels import channels
from archtool.errors import RuleError
from archtool.field import LOCAL, AxisField
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.draws import Draw
from archtool.realize.expressions import Expression, output_shapes
from archtool.realize.properties.laws import Law
from archtool.shape import Shape

MOST_LAWS: Final = 48  # of a kind, tried with each draw
INPUT: Final = Draw(kind="integers", seed=11)
CHANGE: Final = Draw(kind="integers", low=1, high=3, seed=12)
X: Final[Expression] = ["draw", INPUT.recipe()]
Y: Final[Expression] = ["draw", CHANGE.recipe()]
ZERO: Final[Expression] = ["zeros"]


class Kept(NamedTuple):
    """Laws that a network keeps for all weights, and why: `name` as a person calls what they say."""

    name: str
    basis: Basis
    step: str
    laws: tuple[Law, ...]


def kept(right: FlatNetwork, left: FlatNetwork) -> Iterator[Kept]:
    """Laws that hold of the right network, some of them in question for the left one; both have the same shapes."""
    yield from _channels(right, left)
    yield from _positions(right, left)
    yield from _kernels(right)


def _channels(right: FlatNetwork, left: FlatNetwork) -> Iterator[Kept]:
    """An input channel changes no output channel that it doesn't reach."""
    try:
        never, may = channels(right), channels(left)
    except RuleError:
        return
    if len(right.inputs) > 1 or len(right.outputs) > 1:
        return
    pairs = [
        (source, target)
        for target, (row, own) in enumerate(zip(never.rows, may.rows, strict=True))
        for source in range(never.count)
        if not row >> source & 1 and own >> source & 1
    ]
    (shape,) = output_shapes(left)
    laws = tuple([_stays("channels", source, target, shape) for source, target in _spread(pairs)])
    if laws:
        source, target = pairs[0]
        step = f"in the right network input channel {source} never reaches output channel {target}"
        yield Kept("which channels reach which", Basis("structure", "mixes_channels"), step, laws)


def _positions(right: FlatNetwork, left: FlatNetwork) -> Iterator[Kept]:
    """An input position changes no output position that doesn't see it."""
    seen, sees = _fields(right), _fields(left)
    if seen is None or sees is None:
        return
    (x,), (y,) = right.inputs.values(), output_shapes(right)
    pairs = []
    for place in product(*[_ends(as_int(n)) for n in y.axes]):
        allowed = [_interval(axis, p) for axis, p in zip(seen, place, strict=True)]
        own = [_interval(axis, p) for axis, p in zip(sees, place, strict=True)]
        for axis, n in enumerate(x.axes):
            for q in (allowed[axis][0] - 1, allowed[axis][1] + 1):
                middle = [
                    min(max((low + high) // 2, 0), as_int(size) - 1)
                    for (low, high), size in zip(own, x.axes, strict=True)
                ]
                if 0 <= q < as_int(n) and own[axis][0] <= q <= own[axis][1]:
                    middle[axis] = q
                    pairs.append((_flat(middle, x.axes), _flat(place, y.axes)))
    laws = tuple([_stays("positions", source, target, y) for source, target in _spread(pairs)])
    if laws:
        step = f"in the right network output position {pairs[0][1]} never sees input position {pairs[0][0]}"
        yield Kept("which positions see which", Basis("structure", "relations-positions"), step, laws)


def _fields(flat: FlatNetwork) -> tuple[AxisField, ...] | None:
    """What an output position sees along each axis, where that is local; of one input and one output."""
    if len(flat.inputs) > 1 or len(flat.outputs) > 1 or not all([_between_zeros(layer) for layer in flat.layers]):
        return None
    ((x,), (y,)), (number,) = (flat.inputs.values(), output_shapes(flat)), flat.outputs.values()
    field = next((layer.fields[0] for layer in flat.layers if layer.target == number), None)
    local = field is not None and field.state == LOCAL and not x.lead and not y.lead
    return field.axes if field is not None and local and len(field.axes) == len(x.axes) == len(y.axes) else None


def _between_zeros(layer: FlatLayer) -> bool:
    """Whether no input position shows beyond the border, reflected or from the other end."""
    mixing = layer.run.layer.mixing(layer.run.inputs[0])
    return getattr(mixing, "border", "zeros") == "zeros"


def _interval(axis: AxisField, position: int) -> tuple[int, int]:
    step, phase = divmod(position, len(axis.phases))
    reach = axis.phases[phase]
    start = as_int(axis.stride) * step
    return start + as_int(reach.low), start + as_int(reach.high)


def _ends(n: int) -> list[int]:
    """Both ends, their neighbours, and the middle."""
    return sorted({0, 1, n // 2, n - 2, n - 1} & set(range(n)))


def _flat(place: Iterable[int], axes: Iterable[object]) -> int:
    number = 0
    for position, n in zip(place, axes, strict=True):
        number = number * as_int(n) + position  # type: ignore[arg-type]  # a size
    return number


def _spread(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most so many of some pairs, from all over."""
    step = max(1, len(pairs) // MOST_LAWS)
    return list(islice(pairs[::step], MOST_LAWS))


def _stays(what: str, source: int, target: int, shape: Shape) -> Law:
    """f(x) at one channel or position stays as it is when x changes in another one."""
    laid = torch.zeros(1, as_int(shape.channels), as_int(shape.positions), dtype=torch.bool)
    laid.select(1 if what == "channels" else 2, target).fill_(True)
    mask = laid.movedim(1, -1) if shape.is_tokens else laid.reshape(1, *map(as_int, shape.dims))
    changed = ["output", ["sum", [1, X], [1, ["only", what, [source], Y]]]]
    return Law(["output", X], changed, ("f(x)", f"with x changed in {what.removesuffix('s')} {source}"), (mask,))


def _kernels(right: FlatNetwork) -> Iterator[Kept]:
    """One kernel, between zeros: zeros give one constant a channel, and a 1 gives the same wherever it stands."""
    try:
        ((node, shape),) = graph(right).outputs.values()
    except (Open, ValueError):
        return
    own = isinstance(node, Linear) and isinstance(node.of, Source) and len(right.inputs) == 1
    if not own or node.part.reach.border not in (INSIDE, ZEROS):  # type: ignore[union-attr]  # a Linear
        return
    ((name, x),) = right.inputs.items()
    taps = node.part.reach.taps  # type: ignore[union-attr]  # a Linear
    if x.is_tokens or shape.is_tokens or len(x.spatial) != len(shape.spatial) or not x.spatial:
        return
    strides = [as_int(axis.stride) for axis in taps] or [1] * len(x.spatial)
    laws = tuple(islice(_alike(name, x, shape, strides), MOST_LAWS))
    step = "the right network is one kernel between zeros, and a constant: the same at all positions, at the border too"
    yield Kept("one kernel at all positions", Basis("structure", "relations-normal-form"), step, laws)


def _alike(name: str, x: Shape, y: Shape, strides: list[int]) -> Iterator[Law]:
    sizes = [as_int(n) for n in x.spatial]
    rank = len(sizes)
    zeros = ["output", ZERO]
    steps = [[1 if axis == along else 0 for axis in range(rank)] for along in range(rank)]
    for along, step in enumerate(steps):
        if as_int(y.spatial[along]) > 1:
            yield Law(zeros, ["shifted", step, "cyclic", zeros], ("f(0)", "f(0) one position further"))
    for place in product(*[_ends(n) for n in sizes]):
        for along, step in enumerate(steps):
            moved = list(place)
            moved[along] += strides[along]
            if moved[along] >= sizes[along]:
                continue
            for channel in range(min(as_int(x.channels), 2)):
                one, other = (["output", ["one", name, [channel, *at]]] for at in (place, moved))
                says = (f"f(1 at {tuple(moved)})", f"f(1 at {tuple(place)}) one position further")
                yield Law(other, ["shifted", step, "zeros", one], says, (_inner(y, along),))


def _inner(y: Shape, along: int) -> Tensor:
    """All positions but the first along an axis."""
    mask = torch.ones(1, *map(as_int, y.dims), dtype=torch.bool)
    mask.select(2 + along, 0).fill_(False)
    return mask
