"""The same elements in another arrangement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError
from archtool.field import EVERYTHING, Field, local_if
from archtool.fields import sizes
from archtool.layer import Example, Layer, layer
from archtool.layers.tokens import require_tokens
from archtool.mixing import Copied, Mixing
from archtool.nature import LINEAR, Coupling, Nature, routed
from archtool.shape import Shape
from archtool.size import all_of, equal, product, require
from archtool.window import Window

if TYPE_CHECKING:
    import torch


@layer
class Reshape(Layer):
    """The elements of a vector or a spatial tensor, in their order, as a tensor of another `shape`, [channels,
    *spatial]: channels as positions and back, as in ECA (Wang et al. 2019, arXiv:1910.03151)."""

    is_view = True
    shape: Any = sizes()

    examples = (
        Example({"shape": [1, 64]}, Shape(64, (1, 1)), 0, 0, "no learned parameters"),
        Example({"shape": [24, 1, 1]}, Shape(1, (24,))),
        Example({"shape": [2, 3, 4]}, Shape(24)),
        Example({"shape": [12]}, Shape(12, (1, 1))),
    )

    def field(self, x: Shape, window: Window | None) -> Field:
        """Of a single position that stays one what it saw; where there are several they leave their places."""
        return local_if(all_of(*[equal(n, 1) for n in (*x.spatial, *self.shape[1:])]))

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        """An output channel is made of the channels that its elements lie in."""

        def sources(elements: int, here: int, there: int) -> Iterator[range]:
            return (range(at // here, (at + there - 1) // here + 1) for at in range(0, elements, there))

        return routed(sources, x.elements, x.positions, product(self.shape[1:]))

    def output(self, x: Shape, window: Window | None) -> Shape:
        if x.is_tokens:
            raise RuleError(f"'reshape' needs (channels, spatial) or a vector, the input is (tokens, channels) = {x}")
        y = Shape(self.shape[0], self.shape[1:])
        rule = "shape {} has {} elements, the input {} has {}"
        require(equal(y.elements, x.elements), rule, y, y.elements, x, x.elements)
        return y

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import Reshaped

        return Reshaped(self.shape)


@layer
class Transpose(Layer):
    """The channels of tokens as tokens, the tokens as their channels: what mixes tokens by layers over the channels
    (Tolstikhin et al. 2021, arXiv:2105.01601)."""

    is_view = True

    examples = (
        Example({}, Shape(768, (196,), True, (14, 14)), 0, 0, "no learned parameters"),
        Example({}, Shape(4, (7,), True)),
    )

    def field(self, x: Shape, window: Window | None) -> Field:
        """A token is a channel now, in which each position has a part."""
        return EVERYTHING

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def output(self, x: Shape, window: Window | None) -> Shape:
        require_tokens(x, self.kind)
        return Shape(x.spatial[0], (x.channels,), True)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import Transposed

        return Transposed()
