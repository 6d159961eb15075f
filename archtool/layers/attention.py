"""Attention of each position to all of its own tensor, or of another (Vaswani et al. 2017, arXiv:1706.03762)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.errors import RuleError
from archtool.field import EVERYTHING, POINTWISE, Field
from archtool.fields import channels, flag, tensor
from archtool.layer import Example, Layer, layer
from archtool.layers.linear import Linear
from archtool.mixing import Attended, Mixing
from archtool.nature import NONE, Positions, Symmetry
from archtool.product import MADE, PRODUCTS, ROWS, Product
from archtool.shape import Shape
from archtool.size import Size, exact_div, require_divisible
from archtool.stage import Stage
from archtool.window import Window

if TYPE_CHECKING:
    import torch


class Widths(NamedTuple):
    """Channels of all heads: of the queries (and of what leaves attention), and of the keys (as of the values)."""

    queries: Size
    keys: Size


def projections(widths: Widths, x: Shape, context: Shape, source: int) -> tuple[Product, ...]:
    """Of queries, and of keys and values, which are made of the tensor number `source`."""
    term = "attention.linear.macs"
    return (
        Product(term, x.positions, widths.queries, x.channels, 1, "queries"),
        Product(term, context.positions, widths.keys, context.channels, 2, "keys, values", source=source),
    )


def attended(widths: Widths, heads: Size, x: Shape, pairs: tuple[Size, Size], windows: Size = 1) -> tuple[Product, ...]:
    """Each query with each key and their weights with the values, `pairs` of them in each of some `windows`, head by
    head; and the projection of what comes out."""
    m, n = pairs
    each, count = exact_div(widths.queries, heads), windows * heads
    return (
        Product("attention.macs", m, n, each, count, "scores", MADE, PRODUCTS),
        Product("attention.macs", m, each, n, count, "mixing", MADE, PRODUCTS),
        Product("attention.linear.macs", x.positions, x.channels, widths.queries, 1, "output", MADE, ROWS),
    )


class Attending(Layer):
    """The base of the kinds in which all positions of x ask all positions of a `context`."""

    heads: Size
    kv_heads: Any
    head_channels: Any
    qkv_bias: bool
    bias: bool

    def context_of(self, x: Shape) -> Shape:
        """The tensor that keys and values are made of."""
        raise NotImplementedError

    def widths(self, x: Shape) -> Widths:
        """Queries have `heads` heads of `head_channels`, keys and values `kv_heads`."""
        if self.head_channels is None:
            require_divisible("channels", x.channels, "heads", self.heads, "or give head_channels")
            each = exact_div(x.channels, self.heads)
        else:
            each = self.head_channels
        kv_heads = self.heads if self.kv_heads is None else self.kv_heads
        require_divisible("heads", self.heads, "kv_heads", kv_heads)
        return Widths(self.heads * each, kv_heads * each)

    def mixing(self, x: Shape) -> Mixing | None:
        queries, keys = self.widths(x)
        each = exact_div(queries, self.heads)
        return Attended(queries, keys, each)  # type: ignore[arg-type]  # numbers

    def symmetry(self, x: Shape) -> Symmetry:
        """Each position asks a set of others; its own comes by what it holds alone."""
        return Symmetry(Positions.ALIKE)

    def channels(self, x: Shape) -> Size:
        for each in (x, self.context_of(x)):
            if not each.spatial:
                raise RuleError(f"'{self.kind}' needs positions or tokens, a vector ({each}) has none")
        self.widths(x)
        return x.channels

    def params(self, x: Shape) -> Size:
        queries, keys = self.widths(x)
        weights = queries * x.channels + 2 * keys * self.context_of(x).channels + x.channels * queries
        return weights + (queries + 2 * keys if self.qkv_bias else 0) + (x.channels if self.bias else 0)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        queries, keys = self.widths(x)
        context = self.context_of(x)
        pairs = x.positions * context.positions
        projected = x.positions * queries + 2 * context.positions * keys
        operations = {
            "attention.linear.macs": 2 * x.elements * queries + 2 * context.elements * keys,
            "attention.macs": 2 * pairs * queries,
            "attention.softmax": self.heads * pairs,
        }
        biases = (projected if self.qkv_bias else 0) + (y.elements if self.bias else 0)
        return {**operations, "attention.linear.bias": biases} if self.qkv_bias or self.bias else operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        widths, context = self.widths(x), self.context_of(x)
        inward = projections(widths, x, context, len(self.sides))
        return (*inward, *attended(widths, self.heads, x, (x.positions, context.positions)))

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        """The projections of x, attention itself (torch's fused one, which keeps what it takes and makes, and for each
        query and head the sum that its softmax divides by), the projection of what it made."""
        queries, keys = self.widths(x)
        context, own = self.context_of(x), Shape(x.channels, (x.positions,), True)
        is_self = not self.sides
        weights = 0 if is_self else 2 * keys * (context.channels + (1 if self.qkv_bias else 0))
        sums = {"float32": self.heads * x.positions}
        projected = {} if is_self else {"same": 2 * keys * context.positions}
        middle = Stage(
            makes=Shape(queries, own.spatial, True),
            weights=weights,
            keeping=("input", "output"),
            saving={**projected, **sums},
            at_inference={**projected, **sums},
        )
        inward = Linear(out=queries + (2 * keys if is_self else 0), bias=self.qkv_bias)
        outward = Linear(out=x.channels, bias=self.bias)
        if x.is_tokens:
            return inward, middle, outward
        return Stage(makes=own), inward, middle, outward

    def module(self, x: Shape, *, is_causal: bool) -> torch.nn.Module:
        """The torch module, in the parameter layout of torch.nn.MultiheadAttention."""
        from archtool.modules_attention import Attention as Module

        queries, keys = self.widths(x)
        return Module(
            x.channels,  # type: ignore[arg-type]  # ints when realized, here and below
            self.context_of(x).channels,  # type: ignore[arg-type]
            queries,  # type: ignore[arg-type]
            keys,  # type: ignore[arg-type]
            self.heads,  # type: ignore[arg-type]
            qkv_bias=self.qkv_bias,
            bias=self.bias,
            is_causal=is_causal,
            spatial=(not x.is_tokens, not self.context_of(x).is_tokens),
        )


@layer
class Attention(Attending):
    """Multi-head self-attention (torch.nn.MultiheadAttention) over tokens or all positions, with projections of `heads`
    heads; fewer `kv_heads` are shared by groups of queries (Ainslie et al. 2023, arXiv:2305.13245). Where it is
    `causal`, what comes later has weight 0, and counts as seen and as computed all the same."""

    heads: Size = channels()
    kv_heads: Any = channels(default=None)
    head_channels: Any = channels(default=None)
    qkv_bias: bool = flag(default=True)
    bias: bool = flag(default=True)
    causal: bool = flag(default=False)

    examples = (
        Example(
            {"heads": 12},
            Shape(768, (197,), True),
            2362368,
            524391936,
            "Dosovitskiy et al. 2020, arXiv:2010.11929, ViT-B/16: 4 c^2 + 4 c; 4 n c^2 + 2 n^2 c",
        ),
        Example({"heads": 4, "kv_heads": 2, "causal": True}, Shape(16, (7,), True)),
        Example({"heads": 3, "head_channels": 5, "qkv_bias": False}, Shape(12, (3, 4))),
        Example({"heads": 2, "bias": False}, Shape(6, (7,), True, (2, 3))),
    )

    def context_of(self, x: Shape) -> Shape:
        return x

    def field(self, x: Shape, window: Window | None) -> Field:
        return EVERYTHING

    def mixing(self, x: Shape) -> Mixing | None:
        return None if self.causal else super().mixing(x)

    def symmetry(self, x: Shape) -> Symmetry:
        return NONE if self.causal else super().symmetry(x)

    def torch(self, x: Shape) -> torch.nn.Module:
        return self.module(x, is_causal=self.causal)


@layer
class CrossAttention(Attending):
    """Multi-head attention of the input's positions to those of another tensor, the `context` (a decoder's to what its
    encoder made; torch.nn.MultiheadAttention)."""

    holds_more = True
    heads: Size = channels()
    context: Any = tensor()
    kv_heads: Any = channels(default=None)
    head_channels: Any = channels(default=None)
    qkv_bias: bool = flag(default=True)
    bias: bool = flag(default=True)

    examples = (
        Example(
            {"heads": 8, "context": Shape(512, (10,), True)},
            Shape(512, (7,), True),
            1050624,
            8984576,
            "Vaswani et al. 2017, base: 4 c^2 + 4 c; 2 (n + m) c^2 + 2 n m c",
        ),
        Example({"heads": 2, "context": Shape(5, (3, 4)), "kv_heads": 1}, Shape(8, (6,), True)),
        Example({"heads": 2, "context": Shape(9, (4,), True), "head_channels": 3}, Shape(8, (2, 3))),
    )

    def context_of(self, x: Shape) -> Shape:
        context: Shape = self.context
        return context

    def field(self, x: Shape, window: Window | None) -> Field:
        """Its own position alone: the others are asked of the context."""
        return POINTWISE

    def torch(self, x: Shape) -> torch.nn.Module:
        return self.module(x, is_causal=False)
