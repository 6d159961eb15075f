"""Layers without weights that pass, drop, pad or rearrange elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archtool.axes import check_wrap, windows
from archtool.field import GLOBAL, POINTWISE, Field
from archtool.fields import choice, number, padding
from archtool.layer import Example, Layer, layer
from archtool.shape import Shape
from archtool.size import any_of, equal, less, negate, require, where
from archtool.window import Window

if TYPE_CHECKING:
    import torch


@layer
class Identity(Layer):
    """Passes its input on (torch.nn.Identity)."""

    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Identity()


@layer
class Dropout(Layer):
    """Drops elements while training, passes them on at inference (torch.nn.Dropout)."""

    p: Any = number(default=0.5)

    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def channels(self, x: Shape) -> Any:
        require(negate(any_of(less(self.p, 0), less(1, self.p))), "p (={}) must be between 0 and 1", self.p)
        return x.channels

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Dropout(float(self.p))


@layer
class Flatten(Layer):
    """All elements as one vector of channels (torch.nn.Flatten)."""

    examples = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"), Example({}, Shape(4, (5,), True)))

    def field(self, x: Shape, window: Window | None) -> Field:
        """Beside each other, the vector's elements see everything; a single position sees what it saw."""
        return Field(POINTWISE.axes, where(equal(x.positions, 1), POINTWISE.state, GLOBAL))

    def shape(self, x: Shape, window: Window | None) -> Shape:
        return Shape(x.elements)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.Flatten()


@layer
class Pad(Layer):
    """Puts positions around the input (torch.nn.ZeroPad2d, ReflectionPad2d, ReplicationPad2d, CircularPad2d)."""

    padding: Any = padding()
    mode: str = choice(
        default="zeros",
        others=(
            "reflect",
            "replicate",
            "circular",
        ),
    )

    examples = (
        Example({"padding": [[1, 2], 3]}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
        Example({"padding": 2, "mode": "reflect"}, Shape(4, (5,))),
        Example({"padding": 1, "mode": "replicate"}, Shape(2, (3, 4, 5))),
        Example({"padding": 1, "mode": "circular"}, Shape(2, (3, 4))),
    )

    def window(self, x: Shape) -> Window:
        window = windows(x, "pad", 1, 1, self.padding)
        check_wrap(window, x, self.mode)
        return window

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        ends = tuple(end for axis in reversed(self.window(x)) for end in (axis.before, axis.after))
        word = {"zeros": "Zero", "reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}[self.mode]
        return getattr(nn, f"{word}Pad{len(x.spatial)}d")(ends)  # type: ignore[no-any-return]  # getattr
