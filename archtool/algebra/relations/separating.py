"""What one linear layer can be and another never is: by its taps, its groups, its ranks, its constants."""

from __future__ import annotations

from archtool.algebra.relations.graphs import Graph, Linear, Other, Source, graph
from archtool.algebra.relations.kernels import INSIDE, POINT, ZEROS, Kernels, at_most_all, lie_among
from archtool.algebra.relations.order import at_most
from archtool.algebra.relations.ranks import NotLinear, rank, slice_rank
from archtool.field import LOCAL, AxisField
from archtool.flatten import FlatNetwork
from archtool.layers.activation import ReLU
from archtool.size import Size, equal


def beyond(left: Graph, right: Graph, own: FlatNetwork, other: FlatNetwork) -> str:
    """Why some function of the left network, one linear part of its input whose kernels are all reached, is none of the
    right one's (both also layer by layer); empty where that is not known. On numbers: nothing that varies decides."""
    one = _part(left)
    if one is None or not one.part.reach.onto or not _all_read(one):
        return ""
    node = next(iter(right.outputs.values()))[0]
    if isinstance(node, Other) and isinstance(node.layer.run.layer, ReLU):
        return f"some are negative somewhere; '{node.layer.name}' leaves nothing negative in the other"
    two, reach = _part(right), one.part.reach.settled()
    apart = _beyond(reach, two.part.reach) if two is not None and _shows_taps(two, own, other) else ""
    if not apart and (_is_kernel(other) or is_visible(own, other)):
        apart = _by_ranks(reach, other)
    return apart or _by_dimension(reach, other)


def _part(nodes: Graph) -> Linear | None:
    """The one linear part that a network is."""
    node = next(iter(nodes.outputs.values()))[0]
    alone = len(nodes.inputs) == len(nodes.outputs) == 1 and isinstance(node, Linear) and isinstance(node.of, Source)
    return node if isinstance(node, Linear) and alone else None


def _shows_taps(node: Linear, own: FlatNetwork, other: FlatNetwork) -> bool:
    """Whether the taps of the other network's part read different positions at some output position: where padding
    repeats the input, they may all read one."""
    if node.part.reach.border in (INSIDE, ZEROS):
        return True
    return is_visible(own, other) and all([isinstance(n, int) and n > 1 for n in node.of.shape.axes])


def _is_kernel(flat: FlatNetwork) -> bool:
    """Whether a network is one kernel between zeros, at the borders too: then every tap that the other one's kernel has
    is one of its own."""
    part = _part(graph(flat, loosely=True))
    return part is not None and part.part.reach.border in (INSIDE, ZEROS)


def is_visible(*flats: FlatNetwork) -> bool:
    """Whether some output position sees nothing of the borders in any of some networks on numbers, of one input and one
    output: what they do there are their kernels, all of them, whatever they do at the borders."""
    windows: list[list[range]] = []
    for flat in flats:
        (x, *more), (number, *others) = flat.inputs.values(), flat.outputs.values()
        last = next((layer for layer in flat.layers if layer.target == number), None)
        field = None if last is None else last.fields[0]
        if more or others or last is None or field is None or field.state != LOCAL or flat.merges:
            return False
        y = last.run.output
        if any([len(axis.phases) > 1 for axis in field.axes]) or not len(field.axes) == len(x.axes) == len(y.axes):
            return False
        windows.append([_clear(axis, n, m) for axis, n, m in zip(field.axes, x.axes, y.axes, strict=True)])
    if len({len(each) for each in windows}) > 1:
        return False
    return all([_overlap(along) for along in zip(*windows, strict=True)])


def _overlap(ranges: tuple[range, ...]) -> bool:
    return max([each.start for each in ranges]) < min([each.stop for each in ranges])


def _clear(axis: AxisField, n: Size, m: Size) -> range:
    """The positions, of m, that see positions 0 .. n - 1 alone."""
    low, high = axis.phases[0].low, axis.phases[0].high
    if not all([isinstance(size, int) for size in (n, m, low, high, axis.stride)]):
        return range(0)
    if axis.stride == 0:  # along an axis with one position
        return range(1 if low >= 0 and high < n else 0)
    first, last = max(0, -(low // axis.stride)), (n - 1 - high) // axis.stride
    return range(first, min(m, last + 1))


def _by_ranks(one: Kernels, flat: FlatNetwork) -> str:
    """A kernel has a rank, and its slices have, that the other network's layers do not allow."""
    if not one.is_dense:
        return ""
    for ranked, limits, what in (
        (rank, (*one.first, *one.last), "its kernel"),
        (slice_rank, (one.size, *one.last), "the slice of an input channel"),
    ):
        try:
            found = ranked(flat)
        except NotLinear:
            continue
        if found.of_kernel and at_most_all(limits, (found.bound,)) is False:
            most = min([limit for limit in limits if isinstance(limit, int)])
            return f"{what} may have rank {most}; in the other: {found.steps[0]}"
    return ""


def _by_dimension(one: Kernels, flat: FlatNetwork) -> str:
    """Fewer numbers can be set than kernels have dimensions: a piecewise algebraic function of n numbers fills no more
    than n."""
    numbers: Size = 0
    for layer in flat.layers:
        run = layer.run
        nature = run.layer.nature(run.inputs[0])
        if not (nature.affine or nature.homogeneous or nature.multilinear):
            return ""
        held = [size for dtype, size in run.layer.buffers(run.inputs[0]).items() if dtype == "same"]
        for size in (run.cost.params, *held):
            numbers = numbers + (size if layer.owns_weights else 0)
    known = not flat.merges and all([equal(layer.times, 1) is True for layer in flat.layers])
    if known and at_most(one.freedom, numbers) is False:
        return f"they have {one.freedom} dimensions, the other has {numbers} numbers that can be set"
    return ""


def _all_read(node: Linear) -> bool:
    """Whether every tap reads the input at some output position: between the first and the last, where the steps of
    the stride are no longer than the input."""
    reach = node.part.reach
    known = reach.border in (INSIDE, ZEROS)
    pairs = zip(reach.taps, node.of.shape.axes, strict=True) if reach.taps else ()
    return known and all(
        [isinstance(n, int) and isinstance(axis.stride, int) and axis.stride <= n for axis, n in pairs]
    )


def _beyond(one: Kernels, two: Kernels) -> str:
    if one.bias and not two.bias:
        return "a constant is added, and the other maps zeros to zeros"
    axes = max(len(one.taps), len(two.taps))
    for axis, (a, b) in enumerate(zip(one.taps or (POINT,) * axes, two.taps or (POINT,) * axes, strict=True)):
        if not all([isinstance(size, int) for size in (*a, *b)]) or a.stride != b.stride:
            return ""
        if not lie_among(a, b):
            return f"along axis {axis} it reads positions that the other never reads"
    if one.is_dense and equal(two.groups, 1) is False:
        return f"each output channel depends on each input channel; in the other they lie in {two.groups} groups"
    if not (one.is_dense and two.is_dense):
        return ""
    for ones, others, word in ((one.first, two.first, "input"), (one.last, two.last, "output")):
        if at_most_all(ones, others) is False:
            limits = min([limit for limit in others if isinstance(limit, int)])
            most = min([limit for limit in ones if isinstance(limit, int)])
            return f"its kernel, unfolded by {word} channels, may have rank {most}; the other's has at most {limits}"
    return ""
