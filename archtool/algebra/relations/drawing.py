"""Linear networks with weights drawn modulo a prime: their layers as arrays, and the rank of their kernel at one z.

Numbers drawn at random can be unlucky in one direction only: a rank there is never above the rank at most weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.algebra.relations.kernels import POINT, Kernels
from archtool.algebra.relations.modular import PRIME, drawn, product_of, rank_of
from archtool.algebra.relations.parts import leaf, passes
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join
from archtool.mixing import Concatenated, Summed
from archtool.trace import Expr

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.int64]]

SEED: Final = 5
MOST_ENTRIES: Final = 2**25  # of all kernels, the zeros between their groups too: 256 MiB
MOST_PRODUCTS: Final = 2**28  # of two numbers: a second
MOST_TAPS: Final = 2**14  # of a kernel, that are taken one by one


class Axis(NamedTuple):
    """The taps of a kernel along one axis, in numbers (see `kernels.Taps`)."""

    number: int
    dilation: int
    before: int
    stride: int


class Drawn(NamedTuple):
    """A layer with weights: (outputs, inputs / groups, *taps), and their axes."""

    weights: Array
    groups: int
    axes: tuple[Axis, ...]

    def places(self) -> list[tuple[int, ...]]:
        """Every tap, by its number along each axis."""
        return list(product(*[range(axis.number) for axis in self.axes]))

    def whole(self) -> Array:
        """The weights with zeros between the groups: (outputs, inputs, *taps)."""
        import numpy as np

        if self.groups == 1:
            return self.weights
        outputs, columns, *taps = self.weights.shape
        whole = np.zeros((outputs, columns * self.groups, *taps), dtype=np.int64)
        rows = outputs // self.groups
        for group in range(self.groups):
            own = slice(group * rows, (group + 1) * rows)
            whole[own, group * columns : (group + 1) * columns] = self.weights[own]
        return whole


def at(place: Iterable[int | slice]) -> Any:
    """The index of a place, or window, along an array's last axes."""
    return (..., *place)


def is_on_numbers(flat: FlatNetwork) -> bool:
    """Whether a network's sizes are numbers, those of its kernels too, and all its tensors have the same axes; and its
    kernels are not too large to be drawn."""
    shapes = [*flat.inputs.values(), *[layer.run.output for layer in flat.layers]]
    reaches = [own.reach for layer in flat.layers if (own := leaf(layer, whole=True)) is not None]
    sizes = [size for shape in shapes for size in shape.dims]
    sizes += [size for reach in reaches for axis in reach.taps for size in axis] + [reach.groups for reach in reaches]
    if len({len(shape.axes) for shape in shapes}) > 1 or any([isinstance(size, Expr) for size in sizes]):
        return False
    entries = sum([reach.inputs * reach.outputs * reach.size for reach in reaches])
    return entries <= MOST_ENTRIES and all([reach.size <= MOST_TAPS for reach in reaches])


def layers_drawn(flat: FlatNetwork) -> dict[int, Drawn]:
    """The layers with weights, by the numbers of their outputs; what shares weights has the same."""
    (x,) = flat.inputs.values()
    found: dict[int, Drawn] = {}
    owners: dict[str, Array] = {}
    for layer in flat.layers:
        own = leaf(layer, whole=True)
        if own is not None:
            reach = own.reach
            axes = tuple([Axis(*map(_number, axis)) for axis in reach.taps or (POINT,) * len(x.axes)])
            if layer.weights not in owners:
                owners[layer.weights] = drawn(SEED + len(owners), *_sizes(reach, axes))
            found[layer.target] = Drawn(owners[layer.weights], _number(reach.groups), axes)
    return found


def _sizes(reach: Kernels, axes: tuple[Axis, ...]) -> tuple[int, ...]:
    outputs, inputs, groups = _number(reach.outputs), _number(reach.inputs), _number(reach.groups)
    return (outputs, inputs // groups, *[axis.number for axis in axes])


def _number(size: Any) -> int:
    assert isinstance(size, int)  # of a network on numbers
    return size


def joined(layer: FlatLayer) -> str:
    """How a layer joins tensors: 'sum', 'concat', or '' where it is no such layer."""
    run = layer.run
    mixing = run.layer.mixing(run.inputs[0])
    if not isinstance(run.layer, Join):
        return ""
    if isinstance(mixing, Concatenated):
        return "concat"
    return "sum" if isinstance(mixing, Summed) and mixing.others == 1 and len(set(run.inputs)) == 1 else ""


def reached_rank(flat: FlatNetwork) -> int | None:
    """The rank of K(z) of a network on numbers at some weights and some z modulo PRIME; None where it has layers whose
    kernels are not told here, varying sizes, or more channels than seconds are enough for."""
    import numpy as np

    if not is_on_numbers(flat):
        return None
    (x,) = flat.inputs.values()
    if not _is_quick(flat, _number(x.channels)):
        return None
    z = [int(each) for each in drawn(SEED - 1, len(x.axes) or 1)]
    layers = layers_drawn(flat)
    values: dict[int, Array] = {0: np.eye(_number(x.channels), dtype=np.int64)}
    strides: dict[int, tuple[int, ...]] = {0: (1,) * len(x.axes)}
    for layer in flat.layers:
        sources = [values[source] for source in layer.sources]
        stride = strides[layer.sources[0]]
        way = joined(layer)
        if layer.target in layers:
            own = layers[layer.target]
            values[layer.target] = product_of(_at(own, z, stride), sources[0])
            stride = tuple([s * axis.stride for s, axis in zip(stride, own.axes, strict=True)])
        elif way:
            values[layer.target] = np.sum(sources, axis=0) % PRIME if way == "sum" else np.concatenate(sources)
        elif passes(layer.run):
            values[layer.target] = sources[0]
        else:
            return None
        strides[layer.target] = stride
    return rank_of(values[next(iter(flat.outputs.values()))])


def _is_quick(flat: FlatNetwork, channels: int) -> bool:
    """Whether the matrices of all layers, multiplied, and the elimination of the product take a second or so."""
    outputs = [_number(layer.run.output.channels) for layer in flat.layers]
    last = outputs[-1] if outputs else channels
    products = channels * last * min(channels, last)
    for layer, after in zip(flat.layers, outputs, strict=True):
        own = leaf(layer, whole=True)
        products += channels * after * (1 if own is None else _number(own.reach.inputs))
    return products <= MOST_PRODUCTS and channels * max([channels, *outputs]) <= MOST_ENTRIES


def _at(layer: Drawn, z: list[int], stride: tuple[int, ...]) -> Array:
    """A layer's kernel as a matrix at z, its input having a stride."""
    import numpy as np

    whole = layer.whole()
    total = np.zeros(whole.shape[:2], dtype=np.int64)
    for place in layer.places():
        power = 1
        for base, s, axis, tap in zip(z, stride, layer.axes, place, strict=False):
            power = power * pow(base, s * (axis.dilation * tap - axis.before), PRIME) % PRIME
        total = (total + whole[at(place)] * power) % PRIME
    return total
