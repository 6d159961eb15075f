"""What one linear layer can be and another never is: by its taps, its groups, its ranks, its constants."""

from __future__ import annotations

from archtool.algebra.relations.graphs import Graph, Linear, Source
from archtool.algebra.relations.kernels import INSIDE, POINT, ZEROS, Kernels, at_most_all, offsets
from archtool.size import equal


def beyond(left: Graph, right: Graph) -> str:
    """Why some function of the left network, one linear part of its input whose kernels are all reached, is none of the
    right one, one such part too; empty where that is not known. On numbers: nothing that varies decides."""
    ((one, _),), ((two, _),) = left.outputs.values(), right.outputs.values()
    if not (isinstance(one, Linear) and isinstance(two, Linear) and one.part.reach.onto):
        return ""
    if not (isinstance(one.of, Source) and isinstance(two.of, Source) and _all_read(one)):
        return ""
    return _beyond(one.part.reach.settled(), two.part.reach)


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
    rank = max(len(one.taps), len(two.taps))
    for axis, (a, b) in enumerate(zip(one.taps or (POINT,) * rank, two.taps or (POINT,) * rank, strict=True)):
        if not all([isinstance(size, int) for size in (*a, *b)]) or a.stride != b.stride:
            return ""
        if not set(offsets(a)) <= set(offsets(b)):
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
