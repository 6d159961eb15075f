"""Products of two tensors as matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archtool.fields import channels, flag, number, tensor
from archtool.layer import Example, Layer, layer
from archtool.layers.tokens import require_tokens
from archtool.nature import MULTILINEAR, Coupling, Groups, Nature
from archtool.product import PRODUCTS, Product
from archtool.shape import Shape
from archtool.size import Size, equal, exact_div, require, require_divisible
from archtool.window import Window

if TYPE_CHECKING:
    import torch


@layer
class Matmul(Layer):
    """The input's tokens times another tensor (torch.matmul), head by head of the channels, times `scale`. Plainly, a
    token's channels are weights of the other's tokens; `transposed`, its products with each of them are the output's
    channels. So attention is linear layers, matmul, softmax, matmul (Vaswani et al. 2017, arXiv:1706.03762)."""

    keeps = ("input",)
    holds_more = True
    by: Any = tensor()
    heads: Size = channels(default=1)
    transposed: bool = flag(default=False)
    scale: Any = number(default=1)

    examples = (
        Example(
            {"by": Shape(512, (10,), True), "heads": 8, "transposed": True, "scale": 0.125},
            Shape(512, (7,), True),
            0,
            35840,
            "Vaswani et al. 2017, queries times keys: n m c",
        ),
        Example({"by": Shape(512, (10,), True), "heads": 8}, Shape(80, (7,), True), 0, 35840, "weights times values"),
        Example({"by": Shape(6, (6,), True)}, Shape(6, (6,), True, (2, 3))),
    )

    def nature(self, x: Shape) -> Nature:
        return MULTILINEAR

    def coupling(self, x: Shape) -> Coupling:
        """Of each head by itself."""
        return Groups(self.heads)

    def side_coupling(self, x: Shape) -> Coupling:
        """Plainly, its channels are the output's; transposed, its tokens are."""
        return Groups(self.heads if self.transposed else self.by.channels)

    def output(self, x: Shape, window: Window | None) -> Shape:
        for each in (x, self.by):
            require_tokens(each, self.kind)
        for what, count in (("the input's", x.channels), ("by's", self.by.channels)):
            require_divisible(f"{what} channels", count, "heads", self.heads)
        inner = exact_div(x.channels, self.heads)
        if self.transposed:
            rule = "the input's channels (={}) must be as many as by's (={}), their products being summed"
            require(equal(x.channels, self.by.channels), rule, x.channels, self.by.channels)
            return x._replace(channels=self.heads * self.by.spatial[0])
        rule = "the input's channels of a head (={}) must be as many as by's tokens (={}), whose weights they are"
        require(equal(inner, self.by.spatial[0]), rule, inner, self.by.spatial[0])
        return x._replace(channels=self.by.channels)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        """As many products as each token has channels with each of the other's tokens."""
        return {"matmul.macs": x.spatial[0] * self.by.elements}

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        n, k = exact_div(y.channels, self.heads), exact_div(x.channels, self.heads)
        return (Product("matmul.macs", x.spatial[0], n, k, self.heads, items=PRODUCTS),)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_attention import HeadProduct

        return HeadProduct(self.heads, self.transposed, float(self.scale))  # type: ignore[arg-type]  # an int here
