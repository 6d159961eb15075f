"""Kernels as numbers: those of torch modules, and those that trees of them come to, in float64.

A kernel is laid out as torch's convolutions are, (out, in / groups, *taps), over no axes (out, in / groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archtool.algebra.folding.trees import After, Own, Stack, Sum, Through, Tree
from archtool.errors import RuleError
from archtool.mixing import Blended
from archtool.modules_parts import LayerScale
from archtool.stencil import Stencil, StencilAxis


class Kernel(NamedTuple):
    """Weights (out, in / groups, *taps) and biases (out), both float64; None where nothing is added."""

    weight: Tensor
    bias: Tensor | None


def evaluate(tree: Tree, modules: Mapping[str, nn.Module]) -> Kernel:
    """The kernel of a tree, from the torch modules of the original layers by name."""
    match tree:
        case Own():
            return _own(tree, modules[tree.name])
        case Through():
            return Kernel(_ones(tree.stencil), None)
        case After():
            return _after(tree, evaluate(tree.first, modules), evaluate(tree.second, modules))
        case Sum():
            return _sum(tree, [evaluate(part, modules) for part in tree.parts])
        case Stack():
            return _stack(tree, [evaluate(part, modules) for part in tree.parts])


def _own(own: Own, module: Any) -> Kernel:
    """A layer's own kernel."""
    stencil = own.stencil
    if stencil.is_fixed:
        return Kernel(_fixed(own), None)
    if getattr(module, "running_var", None) is not None:
        scale = (module.running_var.double() + module.eps).rsqrt()
        if module.weight is not None:
            scale = scale * module.weight.double()
        shift = -module.running_mean.double() * scale
        if module.bias is not None:
            shift = shift + module.bias.double()
        return Kernel(_ones(stencil) * _by_channel(scale, stencil), shift)
    if isinstance(module, LayerScale):
        return Kernel(_ones(stencil) * _by_channel(module.gamma.double().flatten(), stencil), None)
    if isinstance(getattr(module, "weight", None), Tensor):
        weight = module.weight.double()
        if stencil.is_transposed:
            weight = turned(weight, stencil.groups)  # type: ignore[arg-type]  # a number
        return Kernel(weight, None if module.bias is None else module.bias.double())
    raise RuleError(f"the weights of '{own.name}' ({own.layer.kind}) can't be read from {type(module).__name__}")


def turned(weight: Tensor, groups: int) -> Tensor:
    """A kernel (in, out / groups, *taps), as transposed convolutions have theirs, as (out, in / groups, *taps); and the
    other way round."""
    return weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)


def _ones(stencil: Stencil) -> Tensor:
    """One tap of 1 for each channel."""
    return torch.ones(stencil.out, 1, *[1] * len(stencil.axes), dtype=torch.float64)  # type: ignore[arg-type]  # numbers


def _by_channel(values: Tensor, stencil: Stencil) -> Tensor:
    return values.reshape(-1, 1, *[1] * len(stencil.axes))


def _fixed(own: Own) -> Tensor:
    """The kind's own filter: the product of one an axis, as its mixing tells it of the first output position."""
    ones, mixing = _ones(own.stencil), own.layer.mixing(own.x)
    if not isinstance(mixing, Blended):  # it copies
        return ones
    rows = []
    for axis, taps in enumerate(own.stencil.axes):
        reads = tuple([tap - taps.before for tap in range(taps.kernel)])
        rows.append(torch.tensor(mixing.weights(axis, 0, reads), dtype=torch.float64))  # type: ignore[arg-type]
    return ones * reduce(lambda whole, row: whole.unsqueeze(-1) * row, rows)


def _spread(weight: Tensor, groups: int, fewer: int) -> Tensor:
    """A kernel of so many groups as one of fewer, zeros between them."""
    if groups == fewer:
        return weight
    out, each, *taps = weight.shape
    times = groups // fewer  # groups in one
    whole = weight.new_zeros(fewer, times, out // groups, times, each, *taps)
    blocks = weight.reshape(fewer, times, out // groups, each, *taps)
    for block in range(times):
        whole[:, block, :, block] = blocks[:, block]
    return whole.reshape(out, times * each, *taps)


def _after(tree: After, first: Kernel, second: Kernel) -> Kernel:
    """W[o, i, s d2 j + d1 t] = sum over m of W2[o, m, j] W1[m, i, t]: taps in steps of the composed dilation."""
    a, b, whole = tree.first.stencil, tree.second.stencil, tree.stencil
    groups: Any = whole.groups
    left, right = _spread(first.weight, a.groups, groups), _spread(second.weight, b.groups, groups)  # type: ignore[arg-type]
    middle, inputs = left.shape[0] // groups, left.shape[1]
    left = left.reshape(groups, middle, inputs, *left.shape[2:])
    right = right.reshape(groups, -1, middle, *right.shape[2:])
    weight = left.new_zeros(groups, right.shape[1], inputs, *_kernel(whole))
    for j in _taps(b):
        for t in _taps(a):
            at: tuple[Any, ...] = tuple(
                (one.stride * two.dilation * q + one.dilation * p) // both.dilation if both.kernel != 1 else 0
                for one, two, both, p, q in zip(a.axes, b.axes, whole.axes, t, j, strict=True)
            )
            weight[(..., *at)] += right[(..., *j)] @ left[(..., *t)]
    bias = second.bias
    if first.bias is not None:
        every = right.flatten(3).sum(3) if b.axes else right
        moved = (every @ first.bias.reshape(groups, middle, 1)).flatten()
        bias = moved if bias is None else moved + bias
    return Kernel(weight.flatten(0, 1), bias)


def _taps(stencil: Stencil) -> Iterator[tuple[Any, ...]]:
    return product(*[range(axis.kernel) for axis in stencil.axes])


def _kernel(stencil: Stencil) -> list[Any]:
    """The kernel's sizes, which are numbers."""
    return [axis.kernel for axis in stencil.axes]


def _laid(part: Stencil, weight: Tensor, whole: Stencil) -> Tensor:
    """A part's kernel among the taps and groups of the whole."""
    weight = _spread(weight, part.groups, whole.groups)  # type: ignore[arg-type]  # numbers
    found = weight.new_zeros(*weight.shape[:2], *_kernel(whole))
    places: tuple[Any, ...] = tuple(_places(one, both) for one, both in zip(part.axes, whole.axes, strict=True))
    found[(..., *places)] = weight
    return found


def _places(part: StencilAxis, whole: StencilAxis) -> slice:
    """Where a part's taps lie among the whole's, along one axis."""
    start: Any = (whole.before - part.before) // whole.dilation
    step: Any = part.dilation // whole.dilation if part.kernel != 1 else 1
    return slice(start, start + step * (part.kernel - 1) + 1, step)


def _sum(tree: Sum, kernels: list[Kernel]) -> Kernel:
    parts = list(zip(tree.signs, tree.parts, kernels, strict=True))
    weight = sum(sign * _laid(part.stencil, kernel.weight, tree.stencil) for sign, part, kernel in parts)
    biases = [sign * kernel.bias for sign, _, kernel in parts if kernel.bias is not None]
    return Kernel(weight, sum(biases) if biases else None)  # type: ignore[arg-type]  # sums of tensors


def _stack(tree: Stack, kernels: list[Kernel]) -> Kernel:
    parts = list(zip(tree.parts, kernels, strict=True))
    weight = torch.cat([_laid(part.stencil, kernel.weight, tree.stencil) for part, kernel in parts])
    if not tree.stencil.bias:
        return Kernel(weight, None)
    none = weight.new_zeros
    biases = [none(len(kernel.weight)) if kernel.bias is None else kernel.bias for kernel in kernels]
    return Kernel(weight, torch.cat(biases))
