"""The layer that a folded kernel becomes, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archtool.algebra.folding.composing import Refused, holds
from archtool.algebra.folding.trees import Tree, is_scale, leaves
from archtool.errors import RuleError, Untraceable
from archtool.layer import Layer
from archtool.layers.conv import Conv
from archtool.layers.linear import Linear
from archtool.layers.norm import BatchNorm
from archtool.layers.plain import Pad
from archtool.layers.residual import LayerScale
from archtool.runs import LayerRun, layer_run
from archtool.shape import Shape
from archtool.size import Size, all_of, equal
from archtool.stencil import StencilAxis
from archtool.trace import Expr


def laid(tree: Tree, x: Shape, y: Shape) -> LayerRun:
    """The run of the layer that holds a tree's kernel, from x to y; Refused where there is no such layer."""
    layer = _layer(tree, x)
    traces = [size.trace for size in (*x.dims, *y.dims) if isinstance(size, Expr)]
    problems = [*traces[0].problems] if traces else []
    try:
        run = layer_run(layer, x)
    except (RuleError, Untraceable) as error:
        raise Refused("no layer", f"no layer holds it: {error}") from None
    if traces:  # its rules follow from those of the layers that it is made of
        traces[0].problems[:] = problems
        return run._replace(output=y)
    if run.output != y:
        raise Refused("no layer", f"one layer would make {run.output} where {y} is meant")
    return run


def _layer(tree: Tree, x: Shape) -> Layer:
    stencil = tree.stencil
    if stencil.is_transposed:
        (layer,) = [leaf.layer for leaf in leaves(tree) if leaf.stencil.is_transposed]
        return replace(layer, bias=stencil.bias)  # type: ignore[type-var]  # a kind is a dataclass
    if is_scale(tree):
        if all(leaf.copies for leaf in leaves(tree)) and stencil.axes:
            return Pad(padding=_pads(stencil.axes), mode=stencil.mode)
        still = all_of(*[equal(axis.kernel, 1) for axis in stencil.axes])
        plain = all(axis == StencilAxis() for axis in stencil.axes)
        if holds(still) and plain and holds(equal(stencil.out, stencil.groups)):
            return BatchNorm(eps=0) if stencil.bias else LayerScale(init=1)
    if stencil.axes:
        return Conv(
            out=stencil.out,
            kernel=_one([axis.kernel for axis in stencil.axes]),
            stride=_one([axis.stride for axis in stencil.axes]),
            padding=_pads(stencil.axes),
            dilation=_one([axis.dilation for axis in stencil.axes]),
            groups=stencil.groups,
            bias=stencil.bias,
            padding_mode=stencil.mode,
        )
    if holds(equal(stencil.groups, 1)):
        return Linear(out=stencil.out, bias=stencil.bias)
    raise Refused("no layer", "no layer connects channels by groups where there are no positions")


def _one(values: list[Size]) -> Any:
    """One value for all axes where they agree."""
    return values[0] if all(value is values[0] or value == values[0] for value in values) else tuple(values)


def _pads(axes: tuple[StencilAxis, ...]) -> Any:
    pads: list[Any] = [
        axis.before if axis.before is axis.after or axis.before == axis.after else (axis.before, axis.after)
        for axis in axes
    ]
    same = all(pad == pads[0] for pad in pads)
    return pads[0] if same and not isinstance(pads[0], tuple) else tuple(pads)
