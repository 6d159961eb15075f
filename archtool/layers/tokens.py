"""Between (channels, spatial) and (tokens, channels), and tokens one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archtool.axes import spatial_rank
from archtool.errors import RuleError, Untraceable
from archtool.field import EVERYTHING, AxisField, Field, Reach, local_if
from archtool.fields import per_axis, size
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.mixing import Copied, Mixing, Picked, Preceded
from archtool.nature import AFFINE, LINEAR, MIRRORED, Coupling, Groups, Nature, Positions, Symmetry
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, equal, less, product, require
from archtool.window import Window

if TYPE_CHECKING:
    import torch


def require_tokens(x: Shape, kind: str) -> None:
    """Raises RuleError where x is not (tokens, channels)."""
    if not x.is_tokens:
        raise RuleError(f"'{kind}' needs (tokens, channels), the input is {x}; 'tokens' makes tokens of positions")


@layer
class Tokens(PerChannel):
    """Each position a token, row by row (Dosovitskiy et al. 2020, arXiv:2010.11929); the tokens remember their grid."""

    is_view = True

    examples = (
        Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
        Example({}, Shape(4, (7,))),
        Example({}, Shape(2, (2, 3, 4))),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Copied()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def output(self, x: Shape, window: Window | None) -> Shape:
        spatial_rank(x, self.kind)
        return Shape(x.channels, (x.positions,), True, x.spatial)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import ToTokens

        return ToTokens()


@layer
class Spatial(PerChannel):
    """Tokens as the positions of a spatial tensor, row by row: of the grid that they were laid out of, or of one of the
    given `size`. Only along their own grid is it known what each position sees."""

    is_view = True
    size: Any = per_axis(default=None)

    examples = (
        Example({}, Shape(4, (30,), True, (5, 6)), 0, 0, "no learned parameters"),
        Example({"size": [3, 4]}, Shape(2, (12,), True)),
        Example({"size": [4, 3]}, Shape(2, (12,), True, (3, 4))),
        Example({"size": 7}, Shape(2, (7,), True)),
    )

    def resolve(self, x: Shape) -> Layer:
        """Without a size where it is the grid's own, so that the layer knows no size."""
        return Spatial() if self.size is not None and self._keeps_grid(x) is True else self

    def _sizes(self, x: Shape) -> tuple[Size, ...]:
        if self.size is None:
            return x.grid or x.spatial
        return self.size if isinstance(self.size, tuple) else (self.size,)

    def _keeps_grid(self, x: Shape) -> Condition:
        sizes = self._sizes(x)
        return len(sizes) == len(x.axes) and all_of(*map(equal, sizes, x.axes))

    def field(self, x: Shape, window: Window | None) -> Field:
        return local_if(self._keeps_grid(x))

    def mixing(self, x: Shape) -> Mixing:
        return Copied()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def symmetry(self, x: Shape) -> Symmetry:
        """Laid out in another way, positions get other neighbours."""
        kept = self._keeps_grid(x) is True
        return Symmetry(Positions.MIRRORED if kept else Positions.APART, channels=True)

    def output(self, x: Shape, window: Window | None) -> Shape:
        require_tokens(x, self.kind)
        rule = "tokens before those of the grid ({} here) have no position in it: 'spatial' goes where none are"
        require(equal(x.lead, 0), rule, x.lead)
        sizes = self._sizes(x)
        rule = "size {} has {} positions, the input has {} tokens"
        require(equal(product(sizes), x.spatial[0]), rule, list(sizes), product(sizes), x.spatial[0])
        return Shape(x.channels, sizes)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import ToSpatial

        return ToSpatial(self._sizes(x))  # type: ignore[arg-type]  # ints when realized


@layer
class ClassToken(Layer):
    """One learned token before the others (Devlin et al. 2018, arXiv:1810.04805; ViT's)."""

    passes = "parts"
    examples = (
        Example({}, Shape(768, (196,), True, (14, 14)), 768, 0, "a number a channel"),
        Example({}, Shape(5, (6,), True)),
        Example({}, Shape(5, (7,), True, (2, 3))),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Preceded()

    def nature(self, x: Shape) -> Nature:
        return AFFINE

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def output(self, x: Shape, window: Window | None) -> Shape:
        require_tokens(x, self.kind)
        return Shape(x.channels, (x.spatial[0] + 1,), True, x.axes)

    def params(self, x: Shape) -> Size:
        return x.channels

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import ClassToken as Module

        return Module(x.channels)  # type: ignore[arg-type]  # an int when realized


@layer
class Take(Layer):
    """One token as a vector, the first at 0: a class token, say, which sees by attention what the others see."""

    is_view = True
    tokens: Size = size(least=0)

    examples = (
        Example({"tokens": 0}, Shape(768, (197,), True, (14, 14)), 0, 0, "no learned parameters"),
        Example({"tokens": 8}, Shape(4, (13,), True, (3, 4))),
        Example({"tokens": 2}, Shape(4, (6,), True)),
    )

    def field(self, x: Shape, window: Window | None) -> Field:
        """The one position of the grid; of a token before the grid what it saw of everything."""
        leads = less(self.tokens, x.lead)
        if not isinstance(leads, bool):
            raise Untraceable("whether the token that is taken is one of the grid's varies", leads)
        if leads:
            return EVERYTHING
        axes: list[AxisField] = []
        position = self.tokens - x.lead
        for n in reversed(x.axes):
            at = position - n * (position // n)
            axes.insert(0, AxisField(0, (Reach(at, at, 2 * at, 2 * at),), 1, 1))
            position = position // n
        return Field(tuple(axes))

    def mixing(self, x: Shape) -> Mixing:
        return Picked(self.tokens)  # type: ignore[arg-type]  # a number

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        """A token before the grid has no position in it."""
        leads = less(self.tokens, x.lead) is True
        return Symmetry(Positions.POOLED if leads else Positions.APART, channels=True)

    def output(self, x: Shape, window: Window | None) -> Shape:
        require_tokens(x, self.kind)
        rule = "tokens (={}) must be below the number of tokens (={})"
        require(less(self.tokens, x.spatial[0]), rule, self.tokens, x.spatial[0])
        return Shape(x.channels)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_tokens import Taken

        return Taken(self.tokens)  # type: ignore[arg-type]  # an int when realized
