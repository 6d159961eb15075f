"""Weights of a linear part for which it is a given kernel: the construction behind each rule of relations."""

from __future__ import annotations

import numpy as np

from archtool.algebra.relations.parts import Chain, Doubled, Leaf, Part, Sum
from archtool.axes import spread
from archtool.layers.conv import Conv
from archtool.layers.linear import Linear
from archtool.layers.norm import BatchNorm
from archtool.realize.relations.composed import Affine, Array, Offset, nothing, places, unchanged, whole
from archtool.realize.relations.factored import NotReached, factored
from archtool.size import Size

Weights = dict[str, Array]


def install(part: Part, kernel: Affine, weights: Weights) -> None:
    """Set the weights of a part, by their names in torch, so that it is a kernel; NotReached where it can't be."""
    if isinstance(part, Leaf):
        _layer(part, kernel, weights)
    elif isinstance(part, Sum):
        _sum(part, kernel, weights)
    elif isinstance(part, Chain):
        first, then = _halves(part, kernel)
        install(part.first, first, weights)
        install(part.then, then, weights)
    elif isinstance(part, Doubled):
        _doubled(part, kernel, weights)
    else:
        _same(kernel, unchanged(whole(part.reach.inputs)))


def _same(one: Affine, other: Affine) -> None:
    difference = one.plus(other, -1.0)
    if any([matrix.any() for matrix in (*difference.taps.values(), difference.constant)]):
        raise NotReached("a part that changes nothing is to change something")


def _sum(part: Sum, kernel: Affine, weights: Weights) -> None:
    """The other branches as little as they can be, and the leading one what is left."""
    constant, rest = kernel.constant, kernel._replace(constant=np.zeros_like(kernel.constant))
    for index, branch in enumerate(part.parts):
        if index != part.leading:
            own = _least(branch)
            if branch.reach.bias:  # one of them takes the constant
                own, constant = own._replace(constant=constant), np.zeros_like(constant)
            install(branch, own, weights)
            rest = rest.plus(own._replace(constant=np.zeros_like(constant)), -1.0)
    assert part.leading is not None  # of a part that reaches all its sums
    install(part.parts[part.leading], rest._replace(constant=constant), weights)


def _least(part: Part) -> Affine:
    """A kernel that a part can be: nothing, or what passes everything."""
    if part.reach.onto:
        return nothing(whole(part.reach.outputs), whole(part.reach.inputs))
    return unchanged(whole(part.reach.inputs))


def _halves(part: Chain, kernel: Affine) -> tuple[Affine, Affine]:
    """A kernel as one of the first part and one of the second."""
    first, then = part.first.reach, part.then.reach
    none = np.zeros(whole(first.outputs))
    if then.is_diagonal:  # what it can't carry, the norm behind it does
        own = kernel if first.bias or not then.bias else kernel._replace(constant=none)
        return own, unchanged(whole(then.inputs))._replace(constant=kernel.constant - own.constant)
    if first.is_diagonal:
        return unchanged(whole(first.inputs)), kernel
    width = whole(first.outputs)
    if first.is_pointwise and (then.bias or not first.bias or not then.is_pointwise):
        return _through_inputs(kernel, width, _least_of(*first.first, *first.last, *then.first))
    return _through_outputs(kernel, width, _least_of(*first.last, *then.first, *then.last), constant=not then.bias)


def _least_of(*limits: Size) -> int:
    return min(map(whole, limits))


def _through_inputs(kernel: Affine, width: int, most: int) -> tuple[Affine, Affine]:
    """Input channels to so many, and those through the taps."""
    outputs, _ = kernel.shape
    unfolded = np.concatenate([matrix.T for matrix in kernel.taps.values()], axis=1)  # (inputs, taps * outputs)
    left, right = factored(unfolded, width, most)
    taps = {at: right[:, n * outputs : (n + 1) * outputs].T for n, at in enumerate(kernel.taps)}
    return Affine({(): left.T}, np.zeros(width)), Affine(taps, kernel.constant)


def _through_outputs(kernel: Affine, width: int, most: int, *, constant: bool) -> tuple[Affine, Affine]:
    """Through the taps to so many channels, and those to the output's; the `constant` too, or behind."""
    outputs, inputs = kernel.shape
    blocks = [*kernel.taps.values(), kernel.constant[:, None]] if constant else [*kernel.taps.values()]
    left, right = factored(np.concatenate(blocks, axis=1), width, most)
    taps = {at: right[:, n * inputs : (n + 1) * inputs] for n, at in enumerate(kernel.taps)}
    own = right[:, -1] if constant else np.zeros(width)
    behind = np.zeros(outputs) if constant else kernel.constant
    return Affine(taps, own), Affine({(): left}, behind)


def _doubled(part: Doubled, kernel: Affine, weights: Weights) -> None:
    """Each channel between once as it is, once negated: relu(z) - relu(-z) = z."""
    outer = whole(part.first.reach.outputs)
    width = outer // 2
    if part.first.reach.is_pointwise:
        first, then = _through_inputs(kernel, width, width)
    else:
        first, then = _through_outputs(kernel, width, width, constant=False)
    inputs, outputs = first.shape[1], then.shape[0]
    twice = {
        at: np.concatenate([each, -each, np.zeros((outer - 2 * width, inputs))]) for at, each in first.taps.items()
    }
    back = {
        at: np.concatenate([each, -each, np.zeros((outputs, outer - 2 * width))], axis=1)
        for at, each in then.taps.items()
    }
    install(part.first, Affine(twice, np.zeros(outer)), weights)
    install(part.then, Affine(back, then.constant), weights)


def _layer(leaf: Leaf, kernel: Affine, weights: Weights) -> None:
    """One layer's own weights."""
    name, kind = leaf.layer.weights, leaf.layer.run.layer
    if isinstance(kind, Conv):
        weights[f"{name}.weight"] = _taps(leaf, kind, kernel.taps)
    elif isinstance(kind, Linear):
        weights[f"{name}.weight"] = _pointwise(kernel.taps)
    elif isinstance(kind, BatchNorm):
        _norm(name, kind, kernel, weights)
        return
    else:
        weights[f"{name}.gamma"] = _diagonal(kernel.taps)
    if leaf.reach.bias:
        weights[f"{name}.bias"] = kernel.constant
    elif kernel.constant.any():
        raise NotReached(f"'{name}' adds no constant")


def _taps(leaf: Leaf, kind: Conv, taps: dict[Offset, Array]) -> Array:
    """The weight of a convolution, 0 where a tap never reads its input."""
    rank = len(leaf.layer.run.inputs[0].spatial)
    groups = whole(kind.groups)
    rows, columns = whole(leaf.reach.outputs) // groups, whole(leaf.reach.inputs) // groups
    weight = np.zeros((rows * groups, columns, *map(whole, spread(kind.kernel, rank, "kernel"))))
    left = {at or (0,) * rank: matrix.copy() for at, matrix in taps.items()}
    for at, place in places(leaf):
        matrix = left.get(at or (0,) * rank)
        if matrix is None:
            continue
        for group in range(groups):
            block = matrix[group * rows : (group + 1) * rows, group * columns : (group + 1) * columns]
            weight[(slice(group * rows, (group + 1) * rows), slice(None), *place)] = block
            block[:] = 0  # what stands nowhere is left in `left`
    if any([matrix.any() for matrix in left.values()]):
        raise NotReached(f"'{leaf.layer.name}' has no such taps, or keeps these channels apart")
    return weight


def _pointwise(taps: dict[Offset, Array]) -> Array:
    found = [matrix for at, matrix in taps.items() if not any(at)]
    if any([matrix.any() for at, matrix in taps.items() if any(at)]):
        raise NotReached("a pointwise layer has no taps beside its own position")
    return found[0]


def _diagonal(taps: dict[Offset, Array]) -> Array:
    matrix = _pointwise(taps)
    if not np.array_equal(matrix, np.diag(np.diag(matrix))):
        raise NotReached("a factor a channel mixes no channels")
    return np.diag(matrix).copy()


def _norm(name: str, kind: BatchNorm, kernel: Affine, weights: Weights) -> None:
    """Running statistics by which it changes nothing, and its own factor and constant."""
    factor = _diagonal(kernel.taps)
    weights[f"{name}.running_var"] = np.full_like(factor, 1 - float(kind.eps))
    weights[f"{name}.running_mean"] = np.zeros_like(factor)
    if kind.affine:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = factor, kernel.constant
        return
    if (factor <= 0).any():
        raise NotReached(f"'{name}' has positive factors alone")
    weights[f"{name}.running_var"] = 1 / factor**2 - float(kind.eps)
    weights[f"{name}.running_mean"] = -kernel.constant / factor
