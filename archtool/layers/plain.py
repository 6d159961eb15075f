"""Layers without weights that pass, drop, pad or rearrange elements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archtool.axes import check_wrap, spatial_rank, windows
from archtool.field import GLOBAL, POINTWISE, Field
from archtool.fields import choice, flag, number, padding
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.mixing import Copied, Mixing
from archtool.nature import AFFINE, LINEAR, NONE, Coupling, Groups, Nature, Positions, Start, Symmetry, routed
from archtool.shape import Shape
from archtool.size import Ratio, Size, decided, equal, require, where
from archtool.stencil import Stencil, own_filter
from archtool.window import Window

if TYPE_CHECKING:
    import torch


@layer
class Identity(PerChannel):
    """Passes its input on (torch.nn.Identity)."""

    is_view = True
    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def mixing(self, x: Shape) -> Mixing:
        return Copied()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def at_init(self, x: Shape) -> Start:
        return Start.PASSES

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Identity()


def drops(p: Any) -> bool:
    """Whether a probability is above 0; Untraceable where that varies."""
    return not decided(equal(p.numerator if isinstance(p, Ratio) else p, 0), "whether anything is dropped")


class Dropping(PerChannel):
    """The base of the kinds that drop elements, or whole channels, while training, and pass them on at inference."""

    is_view = True
    p: Any
    channels_only: bool

    def mixing(self, x: Shape) -> Mixing:
        return Copied()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def channels(self, x: Shape) -> Any:
        if self.channels_only:
            spatial_rank(x, self.kind)
        return x.channels

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """What was kept, scaled, in the tensors' own dtype (torch on CUDA: one byte an element)."""
        if not drops(self.p):
            return {}
        return {"same": x.channels if self.channels_only else x.elements}


@layer
class Dropout(Dropping):
    """Drops elements, or whole `channels`, while training, and passes them on at inference (torch.nn.Dropout,
    Dropout1d, 2d, 3d; Srivastava et al. 2014, Tompson et al. 2014, arXiv:1411.4280)."""

    p: Any = number(default=0.5, least=0, most=1)
    channels_only: bool = flag(default=False)

    examples = (
        Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
        Example({"channels_only": True}, Shape(4, (5,))),
    )

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        word = f"Dropout{len(x.spatial)}d" if self.channels_only else "Dropout"
        return getattr(nn, word)(float(self.p))  # type: ignore[no-any-return]  # getattr


@layer
class AlphaDropout(Dropping):
    """Dropout that keeps mean and variance behind SELU, of elements or of whole channels (torch.nn.AlphaDropout,
    FeatureAlphaDropout; Klambauer et al. 2017, arXiv:1706.02515)."""

    p: Any = number(default=0.5, least=0, most=1)
    channels_only: bool = flag(default=False)

    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def at_init(self, x: Shape) -> Start:
        """While training, what is dropped becomes a number below 0."""
        return Start.OTHER if drops(self.p) else Start.KEEPS_ZEROS

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return {"same": 2 * x.elements} if training and drops(self.p) else {}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return getattr(nn, "FeatureAlphaDropout" if self.channels_only else "AlphaDropout")(float(self.p))  # type: ignore[no-any-return]  # getattr


@layer
class Flatten(Layer):
    """All elements as one vector of channels (torch.nn.Flatten)."""

    is_view = True
    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"), Example({}, Shape(4, (5,), True)))

    def field(self, x: Shape, window: Window | None) -> Field:
        """Beside each other, the vector's elements see everything; a single position sees what it saw."""
        return Field(POINTWISE.axes, where(equal(x.positions, 1), POINTWISE.state, GLOBAL))

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        """A channel's positions lie behind each other; a token's channels."""
        if not x.is_tokens:
            return Groups(x.channels)
        return routed(lambda tokens, channels: ((each,) for _ in range(tokens) for each in range(channels)), *x.dims)

    def symmetry(self, x: Shape) -> Symmetry:
        """Several positions become channels, each in its place."""
        return Symmetry(Positions.MIRRORED, channels=True) if equal(x.positions, 1) is True else NONE

    def output(self, x: Shape, window: Window | None) -> Shape:
        return Shape(x.elements)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Flatten()


@layer
class Pad(PerChannel):
    """Puts positions around the input (torch.nn.ZeroPad2d, ConstantPad2d for another `value` than 0, ReflectionPad2d,
    ReplicationPad2d, CircularPad2d)."""

    padding: Any = padding()
    mode: str = choice(
        default="zeros",
        others=(
            "reflect",
            "replicate",
            "circular",
        ),
    )
    value: Any = number(default=0)

    examples = (
        Example({"padding": [[1, 2], 3]}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
        Example({"padding": 2, "mode": "reflect"}, Shape(4, (5,))),
        Example({"padding": 1, "mode": "replicate"}, Shape(2, (3, 4, 5))),
        Example({"padding": 1, "mode": "circular"}, Shape(2, (3, 4))),
        Example({"padding": [1, 0], "value": -1.5}, Shape(2, (3, 4))),
    )

    def window(self, x: Shape) -> Window:
        window = windows(x, "pad", 1, 1, self.padding)
        check_wrap(window, x, self.mode)
        if self.mode != "zeros":
            require(equal(self.value, 0), "mode {} takes its values from the input, value is for zeros", self.mode)
        return window

    def mixing(self, x: Shape) -> Mixing:
        return Copied(self.mode)

    def stencil(self, x: Shape) -> Stencil | None:
        """Of one tap that passes its input on; other values than 0 are no convolution's."""
        if equal(self.value, 0) is not True:
            return None
        return own_filter(x, self.window(x), (1,) * len(x.spatial), self.mode)

    def nature(self, x: Shape) -> Nature:
        return LINEAR if equal(self.value, 0) is True else AFFINE

    def kept(self, x: Shape) -> tuple[str, ...]:
        """The input, for its size, where torch's function takes it again."""
        return ("input",) if self.mode in ("reflect", "replicate") else ()

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """What is cut out and added where the input was wrapped around."""
        return {"same": 2 * y.elements - x.elements} if self.mode == "circular" else {}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        ends = tuple(end for axis in reversed(self.window(x)) for end in (axis.before, axis.after))
        if self.value != 0:
            return getattr(nn, f"ConstantPad{len(x.spatial)}d")(ends, float(self.value))  # type: ignore[no-any-return]
        word = {"zeros": "Zero", "reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}[self.mode]
        return getattr(nn, f"{word}Pad{len(x.spatial)}d")(ends)  # type: ignore[no-any-return]  # getattr
