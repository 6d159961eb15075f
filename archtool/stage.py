"""What torch runs inside a layer and is no kind of its own: attention between its projections, say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archtool.layer import Layer
from archtool.shape import Shape
from archtool.size import Size
from archtool.window import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage(Layer):
    """A stage of a layer, told by what it makes, holds and lets go; see `Layer.stages` and the methods named alike."""

    makes: Shape
    weights: Size = 0
    keeping: tuple[str, ...] = ()
    saving: Mapping[str, Size] = field(default_factory=dict)
    at_inference: Mapping[str, Size] = field(default_factory=dict)
    in_training: Mapping[str, Size] = field(default_factory=dict)
    backward: Mapping[str, Size] = field(default_factory=dict)

    def output(self, x: Shape, window: Window | None) -> Shape:
        return self.makes

    def params(self, x: Shape) -> Size:
        return self.weights

    def kept(self, x: Shape) -> tuple[str, ...]:
        return self.keeping

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return self.saving

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.in_training if training else self.at_inference

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return self.backward
