"""Channels of zeros beside those of a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archtool.fields import channels
from archtool.layer import Example, Layer, layer
from archtool.mixing import Framed, Mixing
from archtool.nature import LINEAR, MIRRORED, Coupling, Nature, Symmetry, among
from archtool.shape import Shape
from archtool.size import Size

if TYPE_CHECKING:
    import torch


@layer
class PadChannels(Layer):
    """Puts channels of zeros before and after the input's, so that a shortcut reaches a wider tensor without weights
    (He et al. 2015, arXiv:1512.03385, option A)."""

    before: Size = channels(default=0, least=0, thin=0)
    after: Size = channels(default=0, least=0, thin=0)

    examples = (
        Example({"after": 16}, Shape(16, (16, 16)), 0, 0, "He et al. 2015, arXiv:1512.03385, section 3.3"),
        Example({"before": 2, "after": 1}, Shape(4, (5,))),
        Example({"before": 1}, Shape(3, (4, 5, 2))),
        Example({"before": 1, "after": 2}, Shape(4, (5,), True)),
        Example({"after": 2}, Shape(4)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Framed(self.before, self.after)  # type: ignore[arg-type]  # numbers

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return among(self.before, x.channels, self.after)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def channels(self, x: Shape) -> Size:
        return self.before + x.channels + self.after

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules import ChannelPadding

        return ChannelPadding(2 if x.is_tokens else 1, self.before, self.after)  # type: ignore[arg-type]  # numbers
