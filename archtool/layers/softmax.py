"""Softmax and its kin, over the channels or over the positions."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from archtool.errors import RuleError
from archtool.field import POINTWISE, POINTWISE_AND_EVERYTHING, Field
from archtool.fields import channels, choice
from archtool.layer import Example, Layer, layer
from archtool.nature import Coupling, Groups, Positions, Symmetry
from archtool.shape import Shape
from archtool.size import Size, equal, require, require_divisible
from archtool.window import Window

if TYPE_CHECKING:
    import torch

_EXAMPLES = (
    Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
    Example({"groups": 2}, Shape(4, (5,), True)),
    Example({"over": "positions"}, Shape(4, (5, 6))),
    Example({"over": "positions"}, Shape(4, (5,), True)),
    Example({}, Shape(4)),
)


class OverOneAxis(Layer):
    """The base of the kinds that share out 1 among the channels of each position, in `groups` of neighbouring channels,
    or among the positions of each channel: `function` is torch's word."""

    function: ClassVar[str]
    keeps = ("output",)
    groups: Size
    over: str

    def field(self, x: Shape, window: Window | None) -> Field:
        return POINTWISE if self.over == "channels" else POINTWISE_AND_EVERYTHING

    def coupling(self, x: Shape) -> Coupling:
        return Groups(self.groups if self.over == "channels" else x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        if self.over == "positions":
            return Symmetry(Positions.ALIKE, channels=True)
        return Symmetry(Positions.MIRRORED, channels=equal(self.groups, 1) is True)

    def channels(self, x: Shape) -> Size:
        if self.over == "positions":
            require(equal(self.groups, 1), "groups (={}) are of channels, not of positions", self.groups)
            if not x.spatial:
                raise RuleError(f"the vector {x} has no positions: over channels is meant")
        require_divisible("channels", x.channels, "groups", self.groups)
        return x.channels

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"softmax": y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import OverAxis, OverPositions

        if self.over == "positions":
            return OverAxis(self.function, 1, 1) if x.is_tokens else OverPositions(self.function)
        return OverAxis(self.function, 2 if x.is_tokens else 1, self.groups)  # type: ignore[arg-type]  # an int here


@layer
class Softmax(OverOneAxis):
    """e^x over the sum of these (torch.nn.Softmax, Softmax2d)."""

    function = "softmax"
    groups: Size = channels(default=1)
    over: str = choice(default="channels", others=("positions",))
    examples = _EXAMPLES

    def steepness(self, x: Shape) -> Any:
        """v (diag(p) - p p) v is the variance of v's elements, at most (their span)^2 / 4 (Popoviciu), so |v|^2 / 2."""
        return Fraction(1, 2)


@layer
class LogSoftmax(OverOneAxis):
    """The logarithm of softmax (torch.nn.LogSoftmax)."""

    function = "log_softmax"
    groups: Size = channels(default=1)
    over: str = choice(default="channels", others=("positions",))
    examples = _EXAMPLES


@layer
class Softmin(OverOneAxis):
    """Softmax of -x (torch.nn.Softmin)."""

    function = "softmin"
    groups: Size = channels(default=1)
    over: str = choice(default="channels", others=("positions",))
    examples = _EXAMPLES

    def steepness(self, x: Shape) -> Any:
        """As of softmax."""
        return Fraction(1, 2)

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        """-x."""
        return {"same": x.elements}
