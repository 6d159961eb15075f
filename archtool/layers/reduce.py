"""One number for many: means and maxima over all positions, or over all channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from archtool.errors import RuleError
from archtool.field import POINTWISE, Field, local_if
from archtool.fields import choice
from archtool.layer import Example, Layer, layer
from archtool.mixing import Blended, Chosen, Collapsed, Mixing, equal_weights
from archtool.nature import HOMOGENEOUS, LINEAR, Coupling, Groups, Nature, Positions, Symmetry
from archtool.shape import Shape
from archtool.size import Size, equal
from archtool.window import Window

if TYPE_CHECKING:
    import torch

_EXAMPLES = (
    Example({}, Shape(6, (5, 4)), 0, 0, "no learned parameters"),
    Example({}, Shape(4, (7,), True)),
    Example({"over": "channels"}, Shape(6, (5, 4))),
    Example({"over": "channels"}, Shape(4, (6,), True, (2, 3))),
)


class Reduction(Layer):
    """The base of the kinds that leave of all positions one vector of channels, or of all channels one: `function` is
    torch's word."""

    function: ClassVar[str]
    over: str

    def field(self, x: Shape, window: Window | None) -> Field:
        """Of all positions everything, unless there is one alone."""
        if self.over == "channels":
            return POINTWISE
        return local_if(equal(x.positions, 1))

    def mixing(self, x: Shape) -> Mixing:
        greatest = self.function == "amax"
        if self.over == "channels":
            return Collapsed(greatest)
        return Chosen() if greatest else Blended(equal_weights)

    def nature(self, x: Shape) -> Nature:
        return HOMOGENEOUS if self.function == "amax" else LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(1 if self.over == "channels" else x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return Symmetry(Positions.MIRRORED if self.over == "channels" else Positions.POOLED, channels=True)

    def output(self, x: Shape, window: Window | None) -> Shape:
        if self.over == "channels":
            return x._replace(channels=1)
        if not x.spatial:
            raise RuleError(f"the vector {x} has no positions: over channels is meant")
        return Shape(x.channels)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {f"reduce.{self.kind}": x.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import Reduced

        channel_axis = 1 + len(x.spatial) if x.is_tokens else 1
        axes = range(1, 2 + len(x.spatial))
        over_channels = self.over == "channels"
        dims = tuple(axis for axis in axes if (axis == channel_axis) == over_channels)
        return Reduced(self.function, dims, over_channels)


@layer
class Mean(Reduction):
    """The mean of each channel over all positions or tokens, as a vector; or over the channels of each position
    (torch.mean)."""

    function = "mean"
    over: str = choice(default="positions", others=("channels",))
    examples = _EXAMPLES


@layer
class Max(Reduction):
    """The maximum of each channel over all positions or tokens, as a vector; or over the channels of each position
    (torch.amax; both are CBAM's, Woo et al. 2018, arXiv:1807.06521)."""

    keeps = ("input", "output")
    function = "amax"
    over: str = choice(default="positions", others=("channels",))
    examples = _EXAMPLES

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Where the maxima are, and how many there are."""
        return {"bool": x.elements, "int64": y.elements, "same": y.elements}
