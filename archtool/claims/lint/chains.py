"""What a chain of dilated layers sees of the tensor that it began with, hole by hole along each axis.

A chain begins at the last undilated window before a dilated one, goes on through layers that keep the resolution, and
ends where something strides or looks at everything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.claims.lint.net import taps
from archtool.field import GLOBAL, LOCAL
from archtool.flatten import FlatLayer
from archtool.taps import AxisTaps

MOST_OFFSETS: Final = 2**12  # that are told along an axis; a longer chain is let go

Offsets = frozenset[int]
ITSELF: Final = frozenset((0,))


class Chain(NamedTuple):
    """What a tensor sees along each axis, as offsets from its own position, of the tensors with the positions of
    `root`; how many `dilated` layers lie between."""

    root: int
    offsets: tuple[Offsets, ...]
    dilated: int

    @property
    def holes(self) -> tuple[int, ...]:
        """How many positions between the first and the last that is seen are not, along each axis."""
        return tuple([max(seen) - min(seen) + 1 - len(seen) for seen in self.offsets])


class Chains:
    """The chains that a network's layers make, taken in one by one.

    `origin` says of a tensor which one first had its positions: pointwise layers keep them.
    """

    def __init__(self) -> None:
        self.chains: dict[int, Chain] = {}
        self.origin: dict[int, int] = {}
        self.everywhere: set[int] = set()  # tensors in which nothing local is left: they fill no holes, and make none

    def take(self, layer: FlatLayer) -> Chain | None:
        """The chain that ends at a layer, if there is one."""
        chain = self._joined(layer) if layer.run.layer.is_join else self._chained(layer)
        if chain is not None:
            self.chains[layer.target] = chain
        if layer.run.field.state == GLOBAL or self.everywhere.issuperset(layer.sources):
            self.everywhere.add(layer.target)
        origins = {self._origin(number) for number in layer.sources}
        if len(origins) == 1 and _is_pointwise(layer):
            self.origin[layer.target] = origins.pop()
        return chain

    def root(self, number: int) -> int | None:
        """The root of a tensor's chain, if it has one."""
        return self.chains[number].root if number in self.chains else None

    def _origin(self, number: int) -> int:
        return self.origin.get(number, number)

    def _chained(self, layer: FlatLayer) -> Chain | None:
        own, x, source = layer.run.layer, layer.run.inputs[0], layer.sources[0]
        if layer.run.field.state != LOCAL or own.sides or own.ignores_input or not x.spatial or x.is_tokens:
            return None
        chain = self.chains.get(source)
        if not layer.run.field.axes:
            return chain
        read = taps(layer)
        if read is None or any(axis.stride != 1 or len(axis.offsets) != 1 for axis in read):
            return None
        if all(len(axis.offsets[0]) == 1 for axis in read):
            return chain
        dilated = is_dilated(layer)
        if chain is None or (chain.dilated == 0 and not dilated):
            chain = Chain(self._origin(source), (ITSELF,) * len(read), 0)
        offsets = tuple(_sums(seen, axis) for seen, axis in zip(chain.offsets, read, strict=True))
        if any(len(seen) > MOST_OFFSETS for seen in offsets):
            return None
        return Chain(chain.root, offsets, chain.dilated + dilated)

    def _joined(self, layer: FlatLayer) -> Chain | None:
        """Paths that began with one tensor see together what each of them sees."""
        sources = [number for number in layer.sources if number not in self.everywhere]
        begun = [self.chains[number] for number in sources if number in self.chains]
        if not begun:
            return None
        root, rank = max(begun, key=lambda path: path.dilated).root, len(begun[0].offsets)
        found = []
        for number in sources:
            path = self.chains.get(number)
            if path is None or path.root != root:
                if self._origin(number) != root:
                    return None
                path = Chain(root, (ITSELF,) * rank, 0)
            found.append(path)
        axes = zip(*(path.offsets for path in found), strict=True)
        return Chain(root, tuple(frozenset().union(*seen) for seen in axes), max(path.dilated for path in found))


def _sums(seen: Offsets, axis: AxisTaps) -> Offsets:
    return frozenset(place + offset for place in seen for offset in axis.offsets[0])


def _is_pointwise(layer: FlatLayer) -> bool:
    """Whether each output position sees its own input position alone."""
    field, x, y = layer.run.field, layer.run.inputs[0], layer.run.output
    read = taps(layer) if field.axes and not layer.run.layer.is_join else ()
    same = read is not None and all(axis.stride == 1 and axis.offsets == ((0,),) for axis in read)
    return field.state == LOCAL and same and x.axes == y.axes


def is_dilated(layer: FlatLayer) -> bool:
    """Whether the taps of a layer lie apart."""
    spacing = layer.run.layer.spacing()
    return any(whole(each) > 1 for each in (spacing if isinstance(spacing, tuple) else (spacing,)))
