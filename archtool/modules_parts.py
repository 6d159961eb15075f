"""Torch modules that take a part of a tensor, scale or drop it; imported by layers' `torch` methods only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Part(nn.Module):
    """`length` items from `start` on along one axis of the batched tensor."""

    def __init__(self, axis: int, start: int, length: int) -> None:
        super().__init__()
        self.axis, self.start, self.length = axis, start, length

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.narrow(self.axis, self.start, self.length)


class Cropped(nn.Module):
    """Of (batch, channels, *spatial) `sizes` positions from `starts` on, one of each an axis."""

    def __init__(self, starts: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__()
        self.starts, self.sizes = tuple(starts), tuple(sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for axis, (start, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            x = x.narrow(2 + axis, start, size)
        return x


class Rolled(nn.Module):
    """(batch, channels, *spatial) with its positions moved cyclically, by one shift an axis."""

    def __init__(self, shifts: Sequence[int]) -> None:
        super().__init__()
        self.shifts = tuple(shifts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.roll(x, self.shifts, tuple(range(2, 2 + len(self.shifts))))


class LayerScale(nn.Module):
    """A learned factor for each channel of (batch, channels, *spatial); for tokens its `shape` is (channels,)."""

    def __init__(self, shape: Sequence[int], init: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full(tuple(shape), init))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gamma


class StochasticDepth(nn.Module):
    """Drops whole items of a batch while training, with probability p, and scales up those that stay."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        keep = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device, dtype=x.dtype) >= self.p
        return x * keep / (1 - self.p) if self.p < 1 else x * 0


class OverAxis(nn.Module):
    """softmax, log_softmax or softmin along one axis of the batched tensor, in `groups` of neighbours."""

    def __init__(self, function: str, axis: int, groups: int) -> None:
        super().__init__()
        self.function = getattr(nn.functional, function)
        self.axis, self.groups = axis, groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sizes = (*x.shape[: self.axis], self.groups, -1, *x.shape[self.axis + 1 :])
        return self.function(x.reshape(sizes), dim=self.axis + 1).reshape(x.shape)  # type: ignore[no-any-return]


class OverPositions(nn.Module):
    """softmax, log_softmax or softmin over all positions of (batch, channels, *spatial) taken as one axis."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = getattr(nn.functional, function)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x.flatten(2), dim=2).reshape(x.shape)  # type: ignore[no-any-return]  # getattr


class BlurPool(nn.Module):
    """Each channel of (batch, channels, *spatial) through one filter, the outer product of `row` with itself; `pads`
    has two ends an axis, the last axis first."""

    filter: torch.Tensor

    def __init__(
        self, channels: int, row: Sequence[float], strides: tuple[int, ...], pads: tuple[int, ...], mode: str
    ) -> None:
        super().__init__()
        self.channels, self.strides, self.pads = channels, strides, pads
        self.mode = "constant" if mode == "zeros" else mode
        one = torch.tensor(row, dtype=torch.get_default_dtype())
        whole = one
        for _ in strides[1:]:
            whole = whole.unsqueeze(-1) * one
        self.register_buffer("filter", whole.expand(channels, 1, *whole.shape).contiguous(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padded = nn.functional.pad(x, self.pads, self.mode)
        convolve = getattr(nn.functional, f"conv{len(self.strides)}d")
        return convolve(padded, self.filter, stride=self.strides, groups=self.channels)  # type: ignore[no-any-return]
