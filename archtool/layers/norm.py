"""Normalisations, as they run at inference (batch norm uses its running statistics)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archtool.field import POINTWISE, POINTWISE_AND_EVERYTHING, Field
from archtool.fields import channels, flag, number, size
from archtool.layer import Example, Layer, layer
from archtool.mixing import Mixing, Normalised
from archtool.nature import AFFINE, MIRRORED, OTHER, Coupling, Groups, Nature, Positions, Start, Symmetry, routed
from archtool.shape import Shape
from archtool.size import Size, equal, less, require, require_divisible
from archtool.stencil import Stencil, per_channel
from archtool.window import Window

if TYPE_CHECKING:
    import torch

    from archtool.mixing import Array


def _operations(term: str, affine: bool, y: Shape) -> dict[str, Size]:
    operations = {term: y.elements}
    if affine:
        operations[f"{term}.affine"] = y.elements
    return operations


@layer
class BatchNorm(Layer):
    """Batch normalisation of each channel (Ioffe and Szegedy 2015, arXiv:1502.03167; torch.nn.BatchNorm1d, 2d, 3d)."""

    keeps = ("input",)
    eps: Any = number(default=1e-5, least=0)
    momentum: Any = number(default=0.1)
    affine: bool = flag(default=True)

    examples = (
        Example({}, Shape(64, (8, 9)), 128, 0, "a scale and a shift a channel"),
        Example({"affine": False}, Shape(5, (8,))),
        Example({}, Shape(5, (3, 4, 5))),
        Example({}, Shape(5)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Normalised(False, True, lambda variance: (variance + float(self.eps)) ** 0.5)

    def stencil(self, x: Shape) -> Stencil:
        return per_channel(x, bias=True)

    def nature(self, x: Shape) -> Nature:
        """By running statistics, a scale and a shift a channel."""
        return AFFINE

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def at_init(self, x: Shape) -> Start:
        """Means are 0 of zeros, and biases 0 at first."""
        return Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return 2 * x.channels if self.affine else 0

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return _operations("norm.batch", self.affine, y)

    def buffers(self, x: Shape) -> Mapping[str, Size]:
        """Running means and variances, and the number of batches."""
        return {"same": 2 * x.channels, "int64": 1}

    def saved_once(self, x: Shape) -> Mapping[str, Size]:
        """The batch's means and deviations."""
        return {"same": 2 * x.channels}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import TokenBatchNorm

        norm: Any = TokenBatchNorm if x.is_tokens else getattr(nn, f"BatchNorm{max(1, len(x.spatial))}d")
        return norm(x.channels, float(self.eps), float(self.momentum), self.affine)  # type: ignore[no-any-return]


@layer
class LayerNorm(Layer):
    """Layer normalisation over the channels, at each position or token by itself (Ba et al. 2016, arXiv:1607.06450;
    torch.nn.LayerNorm over the last axis, ConvNeXt's LayerNorm2d on channels-first tensors)."""

    keeps = ("input",)
    eps: Any = number(default=1e-5, least=0)
    affine: bool = flag(default=True)
    bias: bool = flag(default=True)

    examples = (
        Example({}, Shape(96, (7, 8)), 192, 0, "a scale and a shift a channel"),
        Example({"bias": False}, Shape(16, (5,), True)),
        Example({"affine": False}, Shape(16)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Normalised(True, False, lambda variance: (variance + float(self.eps)) ** 0.5)

    def symmetry(self, x: Shape) -> Symmetry:
        return Symmetry(Positions.MIRRORED, channels=not self.affine)

    def at_init(self, x: Shape) -> Start:
        """Means are 0 of zeros, and biases 0 at first."""
        return Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return (2 if self.bias else 1) * x.channels if self.affine else 0

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return _operations("norm.layer", self.affine, y)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """A mean and a deviation a position."""
        return {"same": 2 * x.positions}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import ChannelsFirstLayerNorm

        norm = ChannelsFirstLayerNorm if x.spatial and not x.is_tokens else nn.LayerNorm
        return norm(x.channels, float(self.eps), self.affine, self.bias)


@layer
class GroupNorm(Layer):
    """Group normalisation (Wu and He 2018, arXiv:1803.08494; torch.nn.GroupNorm); its statistics see all positions."""

    keeps = ("input",)
    groups: Size = channels()
    eps: Any = number(default=1e-5, least=0)
    affine: bool = flag(default=True)

    examples = (
        Example({"groups": 4}, Shape(8, (5, 6)), 16, 0, "a scale and a shift a channel"),
        Example({"groups": 1, "affine": False}, Shape(6, (7,))),
    )

    def field(self, x: Shape, window: Window | None) -> Field:
        return POINTWISE_AND_EVERYTHING if x.spatial else POINTWISE

    def mixing(self, x: Shape) -> Mixing:
        return Normalised(True, True, lambda variance: (variance + float(self.eps)) ** 0.5)

    def coupling(self, x: Shape) -> Coupling:
        return Groups(self.groups)

    def symmetry(self, x: Shape) -> Symmetry:
        alike = equal(self.groups, 1) is True and not self.affine
        return Symmetry(Positions.ALIKE if x.spatial else Positions.MIRRORED, channels=alike)

    def channels(self, x: Shape) -> Size:
        require_divisible("channels", x.channels, "groups", self.groups)
        rule = "'group_norm' needs more than one element a group, groups (={}) of {} have one"
        require(less(self.groups, x.elements), rule, self.groups, x)
        return x.channels

    def at_init(self, x: Shape) -> Start:
        """Means are 0 of zeros, and biases 0 at first."""
        return Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return 2 * x.channels if self.affine else 0

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return _operations("norm.group", self.affine, y)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """A mean and a deviation a group."""
        return {"same": 2 * self.groups}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import TokenGroupNorm

        norm = TokenGroupNorm if x.is_tokens else nn.GroupNorm
        return norm(self.groups, x.channels, float(self.eps), self.affine)  # type: ignore[arg-type]


@layer
class InstanceNorm(Layer):
    """Normalisation of each channel over its positions (Ulyanov et al. 2016, arXiv:1607.08022; torch.nn.InstanceNorm1d,
    2d, 3d): by its own statistics, which see all positions, or by running ones."""

    keeps = ("input",)
    eps: Any = number(default=1e-5, least=0)
    momentum: Any = number(default=0.1)
    affine: bool = flag(default=False)
    track_running_stats: bool = flag(default=False)

    examples = (
        Example({"affine": True}, Shape(8, (5, 6)), 16, 0, "a scale and a shift a channel"),
        Example({}, Shape(6, (7,), True)),
        Example({"track_running_stats": True}, Shape(4, (3, 4, 5))),
    )

    def field(self, x: Shape, window: Window | None) -> Field:
        return POINTWISE if self.track_running_stats else POINTWISE_AND_EVERYTHING

    def mixing(self, x: Shape) -> Mixing:
        return Normalised(False, True, lambda variance: (variance + float(self.eps)) ** 0.5)

    def stencil(self, x: Shape) -> Stencil | None:
        """By running statistics it scales and shifts each channel, as batch norm does."""
        if not self.track_running_stats:
            return None
        return per_channel(x, bias=True)

    def nature(self, x: Shape) -> Nature:
        """By running statistics, a scale and a shift a channel."""
        return AFFINE if self.track_running_stats else OTHER

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        if self.track_running_stats:
            return MIRRORED
        return Symmetry(Positions.ALIKE, channels=not self.affine)

    def channels(self, x: Shape) -> Size:
        rule = "'instance_norm' needs more than one position a channel, the input is {}"
        require(less(1, x.positions), rule, x)
        return x.channels

    def at_init(self, x: Shape) -> Start:
        """Means are 0 of zeros, and biases 0 at first."""
        return Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return 2 * x.channels if self.affine else 0

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return _operations("norm.instance", self.affine, y)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """A mean and a deviation a channel, and its scale, repeated for each item."""
        copied = x.elements if x.is_tokens else 0
        return {"same": (2 + self.affine + 2 * self.track_running_stats) * x.channels + copied}

    def kept(self, x: Shape) -> tuple[str, ...]:
        """The input; of tokens a copy, their channels first."""
        return () if x.is_tokens else ("input",)

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        copied = x.elements if x.is_tokens else 0
        return {"same": (4 if self.affine else 2) * x.channels + copied}

    def buffers(self, x: Shape) -> Mapping[str, Size]:
        """Running means and variances, and the number of batches."""
        return {"same": 2 * x.channels, "int64": 1} if self.track_running_stats else {}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import TokenInstanceNorm

        norm: Any = TokenInstanceNorm if x.is_tokens else getattr(nn, f"InstanceNorm{len(x.spatial)}d")
        fields = (float(self.eps), float(self.momentum), self.affine, self.track_running_stats)
        return norm(x.channels, *fields)  # type: ignore[no-any-return]  # getattr


@layer
class RmsNorm(Layer):
    """Division by the root mean square over the channels, at each position or token by itself (Zhang and Sennrich 2019,
    arXiv:1910.07467; torch.nn.RMSNorm over the last axis). Without eps, the smallest step of the numbers is it."""

    keeps = ("input",)
    eps: Any = number(default=None, least=0)
    affine: bool = flag(default=True)

    examples = (
        Example({"eps": 1e-6}, Shape(96, (7, 8)), 96, 0, "a scale a channel"),
        Example({}, Shape(16, (5,), True)),
        Example({"affine": False}, Shape(16)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Normalised(True, False, lambda square: (square + float(self.eps or 0)) ** 0.5, centred=False)

    def symmetry(self, x: Shape) -> Symmetry:
        return Symmetry(Positions.MIRRORED, channels=not self.affine)

    def at_init(self, x: Shape) -> Start:
        """Means are 0 of zeros, and biases 0 at first."""
        return Start.KEEPS_ZEROS

    def params(self, x: Shape) -> Size:
        return x.channels if self.affine else 0

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return _operations("norm.rms", self.affine, y)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """What each position was divided by, and the quotients where they are scaled."""
        return {"same": x.positions + (x.elements if self.affine else 0)}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        if not self.affine:
            return {"same": 2 * x.positions}
        copied = x.elements if training and x.spatial and not x.is_tokens else 0
        return {"same": x.elements + x.positions + copied}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return {"same": (2 if self.affine else 3) * x.elements - x.positions}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import ChannelsFirstRMSNorm

        norm = ChannelsFirstRMSNorm if x.spatial and not x.is_tokens else nn.RMSNorm
        return norm(x.channels, None if self.eps is None else float(self.eps), self.affine)


@layer
class LocalResponseNorm(Layer):
    """Normalisation over `size` neighbouring channels (Krizhevsky et al. 2012, section 3.3;
    torch.nn.LocalResponseNorm)."""

    keeps = ("input",)
    size: Size = size()
    alpha: Any = number(default=1e-4)
    beta: Any = number(default=0.75)
    k: Any = number(default=1.0)

    examples = (Example({"size": 5}, Shape(8, (5, 6)), 0, 0, "no learned parameters"),)

    def mixing(self, x: Shape) -> Mixing:
        return Normalised(True, False, self._divisor, centred=False)

    def coupling(self, x: Shape) -> Coupling:
        """The channel's neighbours, one more before it than after it where their number is even."""

        def sources(count: int, size: int) -> Iterator[range]:
            before = size // 2
            return (range(max(start, 0), min(start + size, count)) for start in range(-before, count - before))

        return routed(sources, x.channels, self.size)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def _divisor(self, square: Array) -> Array:
        return (float(self.k) + float(self.alpha) * square) ** float(self.beta)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"norm.local_response": y.elements}

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """The padded squares, what each element is divided by, and that before its power."""
        return {"same": (3 * x.channels + self.size - 1) * x.positions}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y) if training else {"same": 2 * x.elements}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return {"same": 3 * x.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import TokenLocalResponseNorm, VectorLocalResponseNorm

        here = nn.LocalResponseNorm if x.spatial else VectorLocalResponseNorm
        norm = TokenLocalResponseNorm if x.is_tokens else here
        return norm(self.size, float(self.alpha), float(self.beta), float(self.k))  # type: ignore[arg-type]
