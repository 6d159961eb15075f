"""What residual branches carry: a learned scale, and their dropping at random while training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archtool.fields import number
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.layers.plain import drops
from archtool.mixing import Applied, Copied, Mixing
from archtool.nature import LINEAR, MIRRORED, Coupling, Groups, Nature, Start, Symmetry
from archtool.shape import Shape
from archtool.size import Size, equal
from archtool.stencil import Stencil, per_channel

if TYPE_CHECKING:
    import torch


@layer
class LayerScale(Layer):
    """A learned factor for each channel (Touvron et al. 2021, arXiv:2103.17239; ConvNeXt's gamma)."""

    keeps = ("input",)
    init: Any = number(default=1e-6)

    examples = (
        Example({}, Shape(96, (7, 8)), 96, 0, "a factor a channel"),
        Example({"init": 1}, Shape(16, (5,), True), 16, 0, "a factor a channel"),
        Example({}, Shape(16)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Applied(lambda z: float(self.init) * z)

    def stencil(self, x: Shape) -> Stencil:
        return per_channel(x, bias=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def at_init(self, x: Shape) -> Start:
        if equal(self.init, 0) is True:
            return Start.ZEROS
        return Start.PASSES if equal(self.init, 1) is True else Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return x.channels

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"elementwise.multiply": y.elements}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Each element's part of the factors' gradient."""
        return {"same": x.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import LayerScale as Module

        ones = () if x.is_tokens else (1,) * len(x.spatial)
        return Module((x.channels, *ones), float(self.init))  # type: ignore[arg-type]  # ints when realized


@layer
class StochasticDepth(PerChannel):
    """Drops its whole input, item by item of a batch, while training; passes it on at inference (Huang et al. 2016,
    arXiv:1603.09382; drop path)."""

    is_view = True
    p: Any = number(default=0.5, least=0, most=1)

    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def mixing(self, x: Shape) -> Mixing:
        return Copied()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Whether the item was kept."""
        return {"bool": 1} if drops(self.p) else {}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return {"same": x.elements, "bool": 1} if training and drops(self.p) else {}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import StochasticDepth as Module

        return Module(float(self.p))
