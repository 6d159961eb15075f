"""A network as affine layers and ReLUs one behind the other, as far as it is that: what weights are built for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from archtool.axes import spread
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layers.conv import Conv
from archtool.layers.linear import Linear
from archtool.layers.norm import BatchNorm
from archtool.layers.plain import Dropping, Flatten, Identity
from archtool.realize.build import as_int
from archtool.shape import Shape

Position = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Affine:
    """A linear layer or a convolution: `ins` to `out` channels, and for each axis of its input, `sizes` long, a kernel,
    a stride, a distance between taps and the padding before; `reads` are the sizes of its output."""

    name: str
    ins: int
    out: int
    bias: bool
    sizes: tuple[int, ...] = ()
    reads: tuple[int, ...] = ()
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    step: tuple[int, ...] = ()
    before: tuple[int, ...] = ()

    @property
    def middle(self) -> Position:
        """The tap that reads the output's own position, or the one next to it."""
        ends = zip(self.kernel, self.step, self.before, strict=True)
        return tuple(min(before // step, size - 1) for size, step, before in ends)

    @property
    def taps(self) -> list[Position]:
        """All taps, those around the middle first."""
        middle = self.middle
        every = product(*map(range, self.kernel))
        return sorted(every, key=lambda tap: sum(abs(a - b) for a, b in zip(tap, middle, strict=True)))

    def read(self, position: Position, tap: Position) -> Position | None:
        """The input position that a tap reads for an output position; None where it is in padding."""
        if not self.kernel:
            return position
        axes = zip(position, tap, self.stride, self.step, self.before, self.sizes, strict=True)
        found = tuple(stride * at - before + step * each for at, each, stride, step, before, _ in axes)
        return found if all(0 <= at < size for at, size in zip(found, self.sizes, strict=True)) else None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """`stages` of affine layers, a ReLU between two; one behind the last where it `ends_bent`. `norms` are batch norms
    and their channels. `own` are the sizes that positions of the input and of the output have."""

    stages: tuple[tuple[Affine, ...], ...]
    ends_bent: bool
    norms: tuple[tuple[str, int], ...]
    input: str
    shape: Shape
    output: Shape

    @property
    def affines(self) -> list[Affine]:
        """All affine layers in order."""
        return [each for stage in self.stages for each in stage]


class NoChain(Exception):
    """A network that is not such a chain, and why."""


def chain_of(flat: FlatNetwork) -> Chain:
    """A network as a chain; raises NoChain."""
    if len(flat.inputs) != 1 or len(flat.outputs) != 1:
        raise NoChain("it has several inputs or outputs")
    if flat.merges:
        raise NoChain("its layers vary")
    ((name, shape),) = flat.inputs.items()
    stages: list[list[Affine]] = [[]]
    norms = []
    before, names = 0, set()
    bent = False
    for layer in flat.layers:
        if layer.sources != (before,):
            raise NoChain(f"'{layer.name}' stands beside others: its layers are not one behind the other")
        before = layer.target
        affine = _affine(layer)
        if affine is not None:
            if layer.weights in names:
                raise NoChain(f"'{layer.name}' shares its weights")
            names.add(layer.weights)
            if bent:
                stages.append([])
            bent = False
            stages[-1].append(affine)
        elif layer.run.kind == "relu":
            if not stages[-1]:
                raise NoChain(f"'{layer.name}' bends the input itself")
            bent = True
        elif isinstance(layer.run.layer, BatchNorm):
            norms += [(layer.weights, as_int(layer.run.output.channels))] if layer.run.layer.affine else []
        elif not _passes(layer):
            raise NoChain(f"'{layer.name}' ({layer.run.kind}) is neither affine nor a ReLU")
    if [before] != list(flat.outputs.values()) or not stages[-1]:
        raise NoChain("its output is not what its last layer makes")
    return Chain(
        stages=tuple(map(tuple, stages)),
        ends_bent=bent,
        norms=tuple(norms),
        input=name,
        shape=shape,
        output=flat.layers[-1].run.output,
    )


def _affine(layer: FlatLayer) -> Affine | None:
    """A layer as an affine one; None where it is none, raises NoChain for one whose weights are not built."""
    run, kind = layer.run, layer.run.layer
    x, y = run.inputs[0], run.output
    ins, out = as_int(x.channels), as_int(y.channels)
    if isinstance(kind, Linear):
        return Affine(name=layer.weights, ins=ins, out=out, bias=kind.bias)
    if not isinstance(kind, Conv):
        return None
    if kind.groups != 1:
        raise NoChain(f"'{layer.name}' is a convolution in groups")
    if kind.padding_mode != "zeros":
        raise NoChain(f"'{layer.name}' pads with what is there")
    rank, window = len(x.spatial), kind.window(x)
    return Affine(
        name=layer.weights,
        ins=ins,
        out=out,
        bias=kind.bias,
        sizes=_numbers(x.spatial),
        reads=_numbers(y.spatial),
        kernel=_numbers(spread(kind.kernel, rank, "kernel")),
        stride=_numbers(spread(kind.stride, rank, "stride")),
        step=_numbers(spread(kind.dilation, rank, "dilation")),
        before=_numbers([axis.before for axis in window]),
    )


def _numbers(sizes: Sequence[object]) -> tuple[int, ...]:
    return tuple(as_int(size) for size in sizes)  # type: ignore[arg-type]  # sizes of any kind


def _passes(layer: FlatLayer) -> bool:
    """Whether it passes its input on at inference, each number in its place."""
    kind, x = layer.run.layer, layer.run.inputs[0]
    return isinstance(kind, Identity | Dropping) or (isinstance(kind, Flatten) and x.positions == 1)


def positions_of(shape: Shape) -> list[Position]:
    """The positions of a tensor, those around the middle first; a vector has one, ()."""
    sizes = _numbers(shape.spatial)
    if prod(sizes) > 1_000_000:
        return [tuple(size // 2 for size in sizes)]
    return sorted(
        product(*map(range, sizes)),
        key=lambda place: sum(abs(2 * at + 1 - size) for at, size in zip(place, sizes, strict=True)),
    )
