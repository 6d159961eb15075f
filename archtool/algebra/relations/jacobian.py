"""How the kernel of a linear network moves with each of its weights, at weights drawn modulo a prime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.algebra.relations.drawing import Drawn, at, is_on_numbers, joined, layers_drawn
from archtool.algebra.relations.modular import PRIME, product_of, rank_of
from archtool.algebra.relations.parts import passes
from archtool.flatten import FlatLayer, FlatNetwork

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.int64]]

MOST_NUMBERS: Final = 3_000_000  # of the derivatives of a kernel: seconds
MOST_WEIGHTS: Final = 1_500


class Composed(NamedTuple):
    """A tensor of a linear network: `kernel` (channels, input channels, *taps), its `derivatives` by each weight, in
    front; where its first tap lies, and its stride, along each axis."""

    kernel: Array
    derivatives: Array
    before: tuple[int, ...]
    stride: tuple[int, ...]


class Moved(NamedTuple):
    """What a kernel's derivatives show at one point: their `rank`; how many `weights` there are and how many of the
    kernel's `entries` any of them moves; and how many independent directions are known, at that point, in which the
    weights change and the kernel does not, at any point (`idle`); the `directions` and the `derivatives` themselves,
    one row a direction and one a weight."""

    rank: int
    weights: int
    entries: int
    idle: int
    directions: Array
    derivatives: Array


def moved(flat: FlatNetwork) -> Moved | None:
    """The derivatives of a network's kernel by its weights; None where it has layers whose kernels are not told here,
    varying sizes, or more weights than are tried."""
    import numpy as np

    if not is_on_numbers(flat):
        return None
    layers = layers_drawn(flat)
    numbers: dict[int, int] = {}  # of the first weight of an array, by the array's id
    count = 0
    for own in layers.values():
        if id(own.weights) not in numbers:
            numbers[id(own.weights)] = count
            count += own.weights.size
    (x,) = flat.inputs.values()
    start = np.eye(int(x.channels), dtype=np.int64).reshape(x.channels, x.channels, *[1] * len(x.axes))
    if count > MOST_WEIGHTS or count * start.size > MOST_NUMBERS:
        return None
    still = np.zeros((count, *start.shape), dtype=np.int64)
    tensors = {0: Composed(start, still, (0,) * len(x.axes), (1,) * len(x.axes))}
    for layer in flat.layers:
        sources = [tensors[source] for source in layer.sources]
        made: Composed | None = sources[0] if passes(layer.run) else None
        if layer.target in layers:
            own = layers[layer.target]
            made = _through(own, numbers[id(own.weights)], sources[0])
        elif joined(layer):
            made = _together(sources, joined(layer))
        if made is None or made.derivatives.size > MOST_NUMBERS:
            return None
        tensors[layer.target] = made
    last = tensors[next(iter(flat.outputs.values()))]
    derivatives = last.derivatives.reshape(count, last.kernel.size)
    entries = int(np.count_nonzero(derivatives.any(axis=0)))
    directions = idle(flat, layers, numbers, count)
    return Moved(rank_of(derivatives), count, entries, rank_of(directions), directions, derivatives)


def _through(layer: Drawn, first: int, x: Composed) -> Composed | None:
    """A tensor behind a layer, whose weights are numbered from `first` on; None where it is too large."""
    import numpy as np

    whole = layer.whole()
    spans = x.kernel.shape[2:]
    steps = [s * axis.dilation for s, axis in zip(x.stride, layer.axes, strict=True)]
    wide = [n + step * (axis.number - 1) for n, step, axis in zip(spans, steps, layer.axes, strict=True)]
    outputs, inputs = whole.shape[0], x.kernel.shape[1]
    kernel = np.zeros((outputs, inputs, *wide), dtype=np.int64)
    if len(x.derivatives) * kernel.size > MOST_NUMBERS:
        return None
    derivatives = np.zeros((len(x.derivatives), *kernel.shape), dtype=np.int64)
    own = first + np.arange(layer.weights.size).reshape(layer.weights.shape)
    columns, rows = layer.weights.shape[1], outputs // layer.groups
    for place in layer.places():
        window = tuple([slice(tap * step, tap * step + n) for tap, step, n in zip(place, steps, spans, strict=True)])
        matrix = whole[at(place)]
        kernel[at(window)] += _times(matrix, x.kernel, 0)
        derivatives[at(window)] += _times(matrix, x.derivatives, 1)
        for output in range(outputs):
            for column in range(columns):
                weight = own[(output, column, *place)]
                moves = derivatives[weight, output][at(window)]
                moves += x.kernel[output // rows * columns + column]  # a view, so that the sum lands there
        kernel %= PRIME
        derivatives %= PRIME
    before = tuple([b + s * axis.before for b, s, axis in zip(x.before, x.stride, layer.axes, strict=True)])
    stride = tuple([s * axis.stride for s, axis in zip(x.stride, layer.axes, strict=True)])
    return Composed(kernel, derivatives, before, stride)


def _times(matrix: Array, tensor: Array, lead: int) -> Array:
    """A matrix times a tensor of (channels, ...) behind so many axes, along its channels."""
    flat = tensor.reshape(*tensor.shape[: lead + 1], -1)
    return product_of(matrix, flat).reshape(*tensor.shape[:lead], len(matrix), *tensor.shape[lead + 1 :])


def _together(tensors: list[Composed], way: str) -> Composed | None:
    """A sum, or the channels of several tensors behind each other; None where their strides differ."""
    import numpy as np

    if len({each.stride for each in tensors}) > 1:
        return None
    axes = range(len(tensors[0].stride))
    before = tuple([max(each.before[axis] for each in tensors) for axis in axes])
    after = [max(each.kernel.shape[2 + axis] - each.before[axis] for each in tensors) for axis in axes]
    kernels, derivatives = [], []
    for each in tensors:
        pads = [(before[a] - each.before[a], after[a] - each.kernel.shape[2 + a] + each.before[a]) for a in axes]
        kernels.append(np.pad(each.kernel, [(0, 0)] * 2 + pads))
        derivatives.append(np.pad(each.derivatives, [(0, 0)] * 3 + pads))
    if way == "concat":
        return Composed(np.concatenate(kernels), np.concatenate(derivatives, axis=1), before, tensors[0].stride)
    return Composed(np.sum(kernels, axis=0) % PRIME, np.sum(derivatives, axis=0) % PRIME, before, tensors[0].stride)


def idle(flat: FlatNetwork, layers: dict[int, Drawn], numbers: dict[int, int], count: int) -> Array:
    """The directions (X W, -V X) of the weights W before a tensor that only V takes: W + e X W and
    V - e V X make the same kernel, up to e^2, for any X where both layers are dense, else for X a factor a channel."""
    import numpy as np

    made = {layer.target: layer for layer in flat.layers}
    uses = [source for layer in flat.layers for source in layer.sources] + list(flat.outputs.values())
    sharing = [id(own.weights) for own in layers.values()]
    directions: list[Array] = []
    for target, after in layers.items():
        source = _behind_passes(made, made[target].sources[0], uses)
        before = layers.get(source)
        if before is None or max(sharing.count(id(before.weights)), sharing.count(id(after.weights))) > 1:
            continue
        width = len(before.weights)
        is_dense = before.groups == after.groups == 1
        columns = after.weights.shape[1]
        for a in range(width):
            for b in range(width) if is_dense else (a,):
                direction = np.zeros(count, dtype=np.int64)
                own = np.zeros_like(before.weights)
                own[a] = before.weights[b]
                other = np.zeros_like(after.weights)
                rows = slice(None)
                if after.groups > 1:
                    size = len(after.weights) // after.groups
                    rows = slice(a // columns * size, (a // columns + 1) * size)
                other[rows, b % columns] = PRIME - after.weights[rows, a % columns]
                direction[numbers[id(before.weights)] :][: own.size] = own.ravel()
                direction[numbers[id(after.weights)] :][: other.size] = other.ravel()
                directions.append(direction)
                if len(directions) * count > MOST_NUMBERS:
                    return np.zeros((0, count), dtype=np.int64)
    return np.array(directions, dtype=np.int64).reshape(len(directions), count)


def _behind_passes(made: dict[int, FlatLayer], number: int, uses: list[int]) -> int:
    """The tensor that a layer takes, before layers that pass it on; -1 where others take it too."""
    while True:
        if uses.count(number) != 1:
            return -1
        if number not in made or not passes(made[number].run):
            return number
        number = made[number].sources[0]
