"""Linear layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archtool.errors import RuleError
from archtool.fields import channels, flag
from archtool.layer import Example, Layer, layer
from archtool.mixing import Mixing, Weighted
from archtool.nature import AFFINE, LINEAR, MIRRORED, Nature, Symmetry
from archtool.product import ROWS, Product
from archtool.shape import Shape
from archtool.size import Size
from archtool.stencil import Stencil

if TYPE_CHECKING:
    import torch


@layer
class Linear(Layer):
    """A fully connected layer over the channels (torch.nn.Linear), at each token by itself."""

    keeps = ("input",)
    is_conv = True
    out: Size = channels()
    bias: bool = flag(default=True)

    examples = (
        Example({"out": 1000}, Shape(2048), 2049000, 2048000, "He et al. 2015, arXiv:1512.03385, fc of ResNet-50"),
        Example({"out": 7, "bias": False}, Shape(12, (5,), True)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Weighted()

    def stencil(self, x: Shape) -> Stencil | None:
        """Over the channels of a vector or of tokens; it takes nothing else."""
        return Stencil(self.out, bias=self.bias)

    def nature(self, x: Shape) -> Nature:
        return AFFINE if self.bias else LINEAR

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def channels(self, x: Shape) -> Size:
        if x.spatial and not x.is_tokens:
            raise RuleError(
                f"'linear' on the spatial tensor {x}: put 'flatten' before it to connect everything, "
                "or write 'conv' with kernel 1 to connect the channels of each position"
            )
        return self.out

    def params(self, x: Shape) -> Size:
        return self.out * x.channels + (self.out if self.bias else 0)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        operations = {"linear.macs": self.out * x.elements}
        if self.bias:
            operations["linear.bias"] = y.elements
        return operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        return (Product("linear.macs", x.positions, self.out, x.channels, items=ROWS),)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Linear(x.channels, self.out, self.bias)  # type: ignore[arg-type]  # ints when realized
