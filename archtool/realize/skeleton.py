"""A skeleton: a network's wiring with one channel a tensor, on inputs of other sizes.

Which positions a position depends on is a matter of windows and wiring, not of how many channels carry it: one channel
is enough, and a hundred times faster than hundreds. The inputs may be larger than the network's, by as much at both
ends of one axis: position q of a tensor is then position q + g/2 of the skeleton's tensor, g being what that one has
more, and what would be padding to the network is input to the skeleton, where a probe can stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archtool.cost import MACS
from archtool.errors import RuleError
from archtool.field import LOCAL, LOCAL_AND_GLOBAL
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join, Layer, attribute
from archtool.realize.build import Function, as_int
from archtool.runs import LayerRun
from archtool.shape import Shape
from archtool.size import Size, exact_div, less, minimum, require

SMALL: Final = 2.0**-20  # every weight: nothing can overflow, and nothing is 0, which a matrix product might skip


class Part(NamedTuple):
    """A layer of the skeleton: what it is there, its inputs and output, and what of it is global in the network, for
    each of its inputs."""

    layer: Layer
    inputs: tuple[Shape, ...]
    output: Shape
    states: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many numbers running it takes, about: a convolution writes out its columns, one a multiply-add."""
        operations = self.layer.operations(self.inputs[0], self.output)
        macs = sum(as_int(operations.get(term, 0)) for term in MACS)
        return macs + sum(as_int(shape.elements) for shape in (*self.inputs, self.output))


class Skeleton(NamedTuple):
    """`layers` are the network's that fit the skeleton's sizes, `parts` what they are there; `shapes` has every
    tensor by number."""

    inputs: tuple[Shape, ...]
    layers: tuple[FlatLayer, ...]
    parts: tuple[Part, ...]
    shapes: dict[int, Shape]

    @property
    def is_cut(self) -> bool:
        """Whether some layer sees everything."""
        return any(state != LOCAL for part in self.parts for state in part.states)


def skeleton(
    flat: FlatNetwork, inputs: tuple[Shape, ...], grown: Set[int], thin: bool, narrow: bool = False
) -> Skeleton:
    """The network on other inputs, larger along the axes `grown`, with one channel where `thin`, and, where `narrow`,
    with windows that need few positions along the other axes.

    A layer that does not fit these sizes is left out, with all that come after it.
    """
    if thin:
        inputs = tuple(shape._replace(channels=1) for shape in inputs)
    shapes = dict(enumerate(inputs))
    became: dict[tuple[int, Size], Size] = {}  # by axis and size in the network, the size of the last such tensor here
    for was, now in zip(flat.inputs.values(), inputs, strict=True):
        became.update(_sizes_become(was, now))
    layers, parts = [], []
    for layer in flat.layers:
        if not all(number in shapes for number in layer.sources):
            continue
        try:
            part = _fitted(layer.run, tuple(shapes[number] for number in layer.sources), grown, thin, narrow, became)
        except RuleError:
            continue
        layers.append(layer)
        parts.append(part)
        shapes[layer.target] = part.output
        became.update(_sizes_become(layer.run.output, part.output))
    return Skeleton(inputs, tuple(layers), tuple(parts), shapes)


def _sizes_become(was: Shape, now: Shape) -> dict[tuple[int, Size], Size]:
    return {(axis, n): m for axis, (n, m) in enumerate(zip(was.axes, now.axes, strict=True))}


def _fitted(
    run: LayerRun,
    inputs: tuple[Shape, ...],
    grown: Set[int],
    thin: bool,
    narrow: bool,
    became: Mapping[tuple[int, Size], Size],
) -> Part:
    """A layer on other inputs; raises RuleError where it does not do there what it does in the network."""
    layer = run.layer.narrowed(run.inputs[0], grown) if narrow else run.layer
    layer = thinned(layer) if thin else layer
    if isinstance(layer, Join):
        return Part(layer, inputs, layer.joined(inputs), (LOCAL,) * len(inputs))
    was, x = run.inputs[0], inputs[0]
    for axis in grown:
        if was.axes[axis : axis + 1] == (1,):
            own = run.layer.field(was, run.layer.window(was)).axes
            if own and own[axis].stride == 0:  # spread to any number of positions
                fits = x.axes[axis : axis + 1] == (1,)
            else:
                alone = not own or [reach[:2] for reach in own[axis].phases] == [(0, 0)]
                fits = alone and run.output.axes[axis : axis + 1] in ((), (1,))
            if not fits:
                raise RuleError("where the network has a single position, its neighbours are padding, not input")
    layer = _stretched(_beside(layer, inputs[1:]), was, x, run.output, became)
    window = layer.window(x)
    there = layer.field(x, window)
    if there.state != run.field.state:
        raise RuleError("a single position is flattened, here there are several")
    here = run.layer.field(was, run.layer.window(was))
    if any(there.axes[axis].wide != here.axes[axis].wide for axis in grown if axis < len(here.axes)):
        raise RuleError("what it sees depends on its input's size: all tokens before its own, say")
    beside = as_int(layer.side_field(x).state)
    return Part(layer, inputs, layer.output(x, window), (as_int(there.state), *(beside for _ in inputs[1:])))


def _beside(layer: Layer, shapes: tuple[Shape, ...]) -> Layer:
    """The layer with other tensors beside its input."""
    names = [name for name in layer.sides if getattr(layer, name) is not None]
    return replace(layer, **dict(zip(names, shapes, strict=True))) if names else layer  # type: ignore[type-var]  # a dataclass


def thinned(layer: Layer) -> Layer:
    """The layer with one channel, and one group of channels."""
    layer = layer.thin()
    kinds = {attribute(name): kind for name, kind in layer.field_kinds().items()}
    thin = {name: kind.thinned(getattr(layer, name)) for name, kind in kinds.items()}
    changed = {name: value for name, value in thin.items() if value is not getattr(layer, name)}
    return replace(layer, **changed) if changed else layer  # type: ignore[type-var]  # a dataclass


def _stretched(layer: Layer, was: Shape, x: Shape, y: Shape, became: Mapping[tuple[int, Size], Size]) -> Layer:
    """A layer that fixes the size of its output y (an adaptive pool, a crop, an upsampling to a size): on another input
    its windows are the same, and its output has more positions in proportion to the input. Where it spreads a single
    position, its output has what tensors of that size `became` in the skeleton: it is made to join one of these."""
    if getattr(layer, "size", None) is None:
        return layer
    own = layer.field(was, layer.window(was))
    if not own.axes:
        return layer
    sizes = []
    for axis, (field, n, before, size) in enumerate(zip(own.axes, x.axes, was.axes, y.axes, strict=True)):
        if field.stride == 0:
            sizes.append(became.get((axis, size), size))
        else:
            sizes.append(size + exact_div((n - before) * len(field.phases), field.stride))
    require(less(0, minimum(*sizes)), "nothing is left of it on a smaller input")
    return replace(layer, size=tuple(sizes))  # type: ignore[type-var]  # a dataclass


def modules(parts: tuple[Part, ...], device: torch.device) -> list[nn.Module]:
    """The parts' modules at inference, in float64 with small weights; equal parts have one module."""
    made: dict[tuple[Any, ...], nn.Module] = {}
    for part in parts:
        key = (part.layer, part.inputs)
        if key not in made:
            module = part.layer.torch(part.inputs[0]).to(device, torch.float64).eval()
            for parameter in module.parameters():
                nn.init.constant_(parameter, SMALL)
            made[key] = module
    return [made[part.layer, part.inputs] for part in parts]


def local_part(part: Part, module: nn.Module) -> Function:
    """What is local of a part.

    Of an input that a layer sees all of, nothing: what it makes, it makes of that input freed from NaN. Of a layer that
    sees everything beside each position itself (group norm), the position.
    """
    if all(state == LOCAL for state in part.states):
        return module

    def local(*tensors: Tensor) -> Tensor:
        free = [x if state == LOCAL else _freed(x) for x, state in zip(tensors, part.states, strict=True)]
        y: Tensor = module(*free)
        x = tensors[0]
        return torch.where(torch.isnan(x), x, y) if part.states[0] == LOCAL_AND_GLOBAL else y

    return local


def _freed(x: Tensor) -> Tensor:
    return torch.where(torch.isnan(x), torch.zeros_like(x), x)
