"""Resizing by interpolation between positions."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from archtool.axes import spatial_rank, spread
from archtool.errors import RuleError, Untraceable
from archtool.field import LARGEST_PERIOD, AxisField, Field, Reach
from archtool.fields import choice, factors, flag, per_axis
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.mixing import Blended, Mixing
from archtool.nature import LINEAR, Nature
from archtool.shape import Shape, axis_name
from archtool.size import Size, at_most, equal, fixed_ratio, maximum, minimum, require, where
from archtool.window import Window

if TYPE_CHECKING:
    import torch

FAMILIES: Final = {"nearest": "nearest", "nearest_exact": "nearest", "bilinear": "linear", "bicubic": "cubic"}
BY_RANK: Final = {1: "linear", 2: "bilinear", 3: "trilinear"}  # torch's word for bilinear by the number of axes


@layer
class Upsample(PerChannel):
    """Resizes by `scale`, or to `size` (torch.nn.Upsample, torch.nn.functional.interpolate), larger or smaller.

    Output p takes the input positions around its source place: p n/m for nearest, (p + 1/2) n/m - 1/2 for the others
    (and the nearest to it for nearest_exact), p (n-1)/(m-1) with align_corners; n and m are the sizes, n/m is 1 / scale
    where that is given. bilinear is linear along each axis, however many there are: it takes two positions an axis,
    bicubic four, also those whose weight happens to be 0; at the borders a position repeats.
    """

    scale: Any = factors(default=None)
    size: Any = per_axis(default=None)
    mode: str = choice(default="nearest", others=("bilinear", "bicubic", "nearest_exact"))
    align_corners: bool = flag(default=False)

    examples = (
        Example({"scale": 2}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
        Example({"scale": [3, 2], "mode": "bilinear"}, Shape(2, (5, 6))),
        Example({"size": [9, 4], "mode": "bilinear"}, Shape(2, (6, 6))),
        Example({"size": 7, "mode": "bilinear", "align_corners": True}, Shape(3, (5,))),
        Example({"size": [5, 8], "mode": "nearest_exact"}, Shape(3, (8, 5))),
        Example({"scale": 2, "mode": "bicubic"}, Shape(2, (5, 6))),
        Example({"size": [4, 5]}, Shape(3, (1, 1))),
        Example({"scale": [1.5, 2.5, 1], "mode": "bilinear"}, Shape(2, (4, 2, 3))),
    )

    def resolve(self, x: Shape) -> Layer:
        """With align_corners the two sizes alone say where an output lies, whatever the scale."""
        if not self.align_corners or self.scale is None or self.size is not None:
            return self
        return Upsample(size=self._sizes(x), mode=self.mode, align_corners=True)

    def field(self, x: Shape, window: Window | None) -> Field:
        family = self._family(x)
        rank = len(x.spatial)
        scales = spread(self.scale, rank, "scale")
        return Field(
            tuple(
                self._axis(n, m, family, scale) for n, m, scale in zip(x.spatial, self._sizes(x), scales, strict=True)
            )
        )

    def _axis(self, n: Size, m: Size, family: str, scale: Any) -> AxisField:
        if equal(n, 1) is True:
            return AxisField(0, (Reach(0, 0, 0, 0),), 1, 1)  # one position, everywhere
        if equal(n, m) is True and (family != "cubic"):
            return AxisField(1, (Reach(0, 0, 0, 0),), 1, 1)
        stride, period = self._ratio(n, m, scale)
        if period > LARGEST_PERIOD:
            raise RuleError(f"from {n} to {m} positions, what is seen repeats only after more than {LARGEST_PERIOD:,}")
        phases = tuple(self._reach(n, m, family, stride, period, phase) for phase in range(period))
        sizes = [reach.high - reach.low + 1 for reach in phases]
        return AxisField(stride, phases, minimum(*sizes), maximum(*sizes))

    def _ratio(self, n: Size, m: Size, scale: Any) -> tuple[Size, int]:
        """(S, P): P output positions further, the source place is S input positions further."""
        if self.size is None:
            if not isinstance(scale, int | Fraction):
                raise Untraceable("the scale of an upsampling varies", scale)
            return Fraction(scale).denominator, Fraction(scale).numerator
        stride, period = (n - 1, m - 1) if self.align_corners else (n, m)
        if equal(period, 0) is True:  # one output, the input's first position
            return 0, 1
        fixed = fixed_ratio(stride, period)
        if fixed is not None:
            return fixed.numerator, fixed.denominator
        if not isinstance(period, int):
            raise Untraceable("the size of an upsampling varies", n, m)
        return stride, period

    def _reach(self, n: Size, m: Size, family: str, stride: Size, period: int, phase: int) -> Reach:
        """What the output `phase` sees: the source place's floor, and how far from there."""
        if self.mode == "nearest" or self.align_corners:
            place = phase * stride // period
        elif self.mode == "nearest_exact":
            place = (2 * phase + 1) * stride // (2 * period)
        else:
            place = ((2 * phase + 1) * stride - period) // (2 * period)
        before, after = {"nearest": (0, 0), "linear": (0, 1), "cubic": (1, 2)}[family]
        low, high = place - before, place + after
        if family == "linear":  # the same size is copied
            high = where(equal(n, m), place, high)
        one = equal(n, 1)
        low, high = where(one, 0, low), where(one, 0, high)
        return Reach(low, high, low + high, low + high)

    def _family(self, x: Shape) -> str:
        """nearest, linear or cubic; raises RuleError for a mode that does not go with the input."""
        rank = spatial_rank(x, self.kind)
        family = FAMILIES[self.mode]
        if family == "cubic" and rank != 2:
            raise RuleError(f"mode bicubic needs 2 spatial axes, the input {x} has {rank}: write bilinear")
        if self.align_corners and family == "nearest":
            raise RuleError(f"align_corners goes with bilinear and bicubic, not with {self.mode}")
        return family

    def _sizes(self, x: Shape) -> tuple[Size, ...]:
        rank = spatial_rank(x, self.kind)
        if (self.scale is None) == (self.size is None):
            raise RuleError("'upsample' needs either 'scale' or 'size'")
        if self.size is not None:
            return spread(self.size, rank, "size")
        sizes = []
        for axis, (n, scale) in enumerate(zip(x.spatial, spread(self.scale, rank, "scale"), strict=True)):
            size = n * scale.numerator // scale.denominator if isinstance(scale, Fraction) else n * scale
            rule = "scale (={}) leaves nothing of the {} (={})"
            require(at_most(1, size), rule, scale, axis_name(axis, rank), n)
            sizes.append(size)
        return tuple(sizes)

    def mixing(self, x: Shape) -> Mixing:
        family, sizes, scales = self._family(x), self._sizes(x), spread(self.scale, len(x.spatial), "scale")

        def weights(axis: int, position: int, reads: tuple[int, ...]) -> list[float]:
            if len(reads) == 1:
                return [1.0]
            stride, period = self._ratio(x.spatial[axis], sizes[axis], scales[axis])
            step = Fraction(stride, period)  # type: ignore[arg-type]  # numbers
            place = position * step if self.align_corners else (position + Fraction(1, 2)) * step - Fraction(1, 2)
            return [_weight(family, abs(float(place - read))) for read in reads]

        return Blended(weights, "replicate")

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def output(self, x: Shape, window: Window | None) -> Shape:
        return Shape(x.channels, self._sizes(x))

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {f"upsample.{self._family(x)}": y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        rank = len(x.spatial)
        mode = BY_RANK[rank] if self.mode == "bilinear" else self.mode.replace("_", "-")
        corners = None if self._family(x) == "nearest" else self.align_corners
        if self.size is not None:
            return nn.Upsample(size=self._sizes(x), mode=mode, align_corners=corners)  # type: ignore[arg-type]
        scales = tuple(float(scale) for scale in spread(self.scale, rank, "scale"))
        return nn.Upsample(scale_factor=scales, mode=mode, align_corners=corners)


def _weight(family: str, distance: float) -> float:
    """The weight of a position at a distance below 2 from the source place: linear, or Keys's cubic (1981) with
    torch's a = -3/4."""
    if family == "linear":
        return max(0.0, 1 - distance)
    a = -0.75
    if distance <= 1:
        return ((a + 2) * distance - (a + 3)) * distance**2 + 1
    return a * (((distance - 5) * distance + 8) * distance - 4)
