"""Activations that go by more than their element: by a learned slope, by a gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archtool.fields import flag, number
from archtool.layer import Example, Layer, layer
from archtool.layers.activation import Sigmoid
from archtool.mixing import Applied, Mixing
from archtool.nature import HOMOGENEOUS, MIRRORED, Coupling, Groups, Nature, Positions, Start, Symmetry, routed
from archtool.shape import Shape
from archtool.size import Size, divides, equal, exact_div, require

if TYPE_CHECKING:
    import torch


@layer
class PReLU(Layer):
    """x where positive, else a learned slope times x: one slope for all, or one a channel (He et al. 2015,
    arXiv:1502.01852; torch.nn.PReLU)."""

    keeps = ("input",)
    per_channel: bool = flag(default=False)
    init: Any = number(default=0.25)

    examples = (
        Example({}, Shape(4, (5, 6)), 1, 0, "one slope"),
        Example({"per_channel": True}, Shape(4, (5,), True), 4, 0, "a slope a channel"),
        Example({"per_channel": True}, Shape(4, (2, 3, 5))),
    )

    def mixing(self, x: Shape) -> Mixing:
        import numpy as np

        return Applied(lambda z: np.where(z > 0, z, float(self.init) * z))

    def nature(self, x: Shape) -> Nature:
        return HOMOGENEOUS

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return Symmetry(Positions.MIRRORED, channels=not self.per_channel)

    def at_init(self, x: Shape) -> Start:
        return Start.PASSES if equal(self.init, 1) is True else Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return x.channels if self.per_channel else 1

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"activation": y.elements}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Each element's part of the slope's gradient."""
        return {"same": x.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import TokenPReLU

        kind = TokenPReLU if x.is_tokens else nn.PReLU
        return kind(x.channels if self.per_channel else 1, float(self.init))  # type: ignore[arg-type]  # ints


@layer
class GLU(Layer):
    """The first half of the channels, gated by the sigmoid of the second (Dauphin et al. 2016, arXiv:1612.08083;
    torch.nn.GLU)."""

    keeps = ("input",)
    examples = (
        Example({}, Shape(6, (5, 6)), 0, 0, "no learned parameters"),
        Example({}, Shape(4, (5,), True)),
        Example({}, Shape(8)),
    )

    def coupling(self, x: Shape) -> Coupling:
        """A channel and its gate."""
        return routed(lambda half: zip(range(half), range(half, 2 * half), strict=True), x.channels // 2)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def thin(self) -> Layer:
        return Sigmoid()

    def channels(self, x: Shape) -> Size:
        require(divides(2, x.channels), "channels (={}) must be even: half of them are gates", x.channels)
        return exact_div(x.channels, 2)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"activation": y.elements, "elementwise.multiply": y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.GLU(2 if x.is_tokens else 1)
