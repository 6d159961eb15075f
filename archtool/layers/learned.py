"""Learned tensors: parameters that stand as they are, and tables that are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError
from archtool.fields import channels, size, sizes
from archtool.layer import Example, Layer, layer
from archtool.layers.tokens import require_tokens
from archtool.mixing import Mixing, Standing
from archtool.nature import AFFINE, MIRRORED, Coupling, Nature, Symmetry, routed
from archtool.shape import Shape
from archtool.size import Size, equal, product, require
from archtool.window import Window

if TYPE_CHECKING:
    import torch


def laid_out(sizes: tuple[Size, ...], x: Shape) -> Shape:
    """The shape of these sizes in the layout of x: [tokens, channels], or [channels, *spatial]."""
    if not x.is_tokens:
        return Shape(sizes[0], sizes[1:])
    if len(sizes) != 2:
        raise RuleError(f"shape has {len(sizes)} sizes, behind tokens it has two: [tokens, channels]")
    return Shape(sizes[1], sizes[:1], True)


@layer
class Parameter(Layer):
    """A learned tensor in the place of its input, of which it sees nothing: a positional embedding, queries. Its
    `shape` is [tokens, channels] behind tokens, else [channels, *spatial]."""

    ignores_input = True
    shape: Any = sizes()

    examples = (
        Example({"shape": [197, 768]}, Shape(768, (197,), True), 151296, 0, "Dosovitskiy et al. 2020, ViT-B/16"),
        Example({"shape": [4, 1, 6]}, Shape(3, (5, 6))),
        Example({"shape": [7]}, Shape(3)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Standing(0.02**2)

    def nature(self, x: Shape) -> Nature:
        return AFFINE

    def coupling(self, x: Shape) -> Coupling:
        return routed(lambda channels: (() for _ in range(channels)), laid_out(self.shape, x).channels)

    def output(self, x: Shape, window: Window | None) -> Shape:
        return laid_out(self.shape, x)

    def params(self, x: Shape) -> Size:
        return product(self.shape)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import Parameter as Module

        return Module(self.shape)


@layer
class Embedding(Layer):
    """A learned row of `out` channels for each of `count` ids (torch.nn.Embedding): its input is (tokens, 1), an id a
    token. As a torch module it takes ids as numbers of any dtype, modulo `count`."""

    holds_more = True
    count: Size = size()
    out: Size = channels()

    examples = (
        Example({"count": 30522, "out": 768}, Shape(1, (128,), True), 23440896, 0, "Devlin et al. 2018, BERT base"),
        Example({"count": 5, "out": 3}, Shape(1, (7,), True)),
    )

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def channels(self, x: Shape) -> Size:
        require_tokens(x, self.kind)
        require(equal(x.channels, 1), "'embedding' takes one id a token, channels (={}) must be 1", x.channels)
        return self.out

    def params(self, x: Shape) -> Size:
        return self.count * self.out

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """The ids."""
        return {"int64": x.spatial[0]}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import Lookup

        return Lookup(self.count, self.out)  # type: ignore[arg-type]  # ints when realized
