"""Torch modules that torch.nn lacks; imported by layers' `torch` methods only."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class _PadsFirst:
    """Before a convolution: pads its input, by other amounts at the two ends, as torch's convolutions can't.

    `pads` has two ends an axis, the last axis first; `mode` is a convolution's padding_mode. The weights keep a plain
    convolution's names, as they would not in an nn.Sequential of the two.
    """

    def __init__(self, pads: tuple[int, ...], mode: str, **fields: Any) -> None:
        super().__init__(**fields)
        self.pads = pads
        self.pad_mode = "constant" if mode == "zeros" else mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = super().forward(nn.functional.pad(x, self.pads, self.pad_mode))  # type: ignore[misc]  # a mixin
        return y


class PaddedConv1d(_PadsFirst, nn.Conv1d):
    """nn.Conv1d behind its padding."""


class PaddedConv2d(_PadsFirst, nn.Conv2d):
    """nn.Conv2d behind its padding."""


class PaddedConv3d(_PadsFirst, nn.Conv3d):
    """nn.Conv3d behind its padding."""


class LocallyConnected(nn.Module):
    """A convolution with its own weights at each output position.

    The input is (batch, channels, *spatial); `positions`, `kernel`, `stride` and `padding` have one item an axis.
    """

    def __init__(
        self,
        *,
        channels: int,
        out: int,
        positions: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[tuple[int, int], ...],
        bias: bool,
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.pads = [end for pair in reversed(padding) for end in pair]
        taps = channels * torch.Size(kernel).numel()
        self.weight = nn.Parameter(torch.randn(torch.Size(positions).numel(), out, taps) * taps**-0.5)
        self.bias = nn.Parameter(torch.zeros(out, *positions)) if bias else None
        self.positions = positions

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.pad(x, self.pads)
        for axis, (kernel, stride) in enumerate(zip(self.kernel, self.stride, strict=True)):
            x = x.unfold(2 + axis, kernel, stride)
        rank = len(self.kernel)
        order = [*range(2, 2 + rank), 0, 1, *range(2 + rank, 2 + 2 * rank)]
        columns = x.permute(order).reshape(len(self.weight), x.shape[0], -1)  # (positions, batch, taps)
        y = torch.bmm(columns, self.weight.transpose(1, 2))  # (positions, batch, out)
        y = y.permute(1, 2, 0).reshape(x.shape[0], -1, *self.positions)
        return y if self.bias is None else y + self.bias


class ChannelsFirstLayerNorm(nn.LayerNorm):
    """Layer norm over the channels of (batch, channels, *spatial), at each position by itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ChannelsFirstRMSNorm(nn.RMSNorm):
    """RMS norm over the channels of (batch, channels, *spatial), at each position by itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class _OverTokens:
    """Before a module over (batch, channels, positions): takes and gives (batch, tokens, channels)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = super().forward(x.movedim(-1, 1)).movedim(1, -1)  # type: ignore[misc]  # a mixin
        return y


class TokenBatchNorm(_OverTokens, nn.BatchNorm1d):
    """Batch norm of (batch, tokens, channels)."""


class TokenGroupNorm(_OverTokens, nn.GroupNorm):
    """Group norm of (batch, tokens, channels)."""


class TokenInstanceNorm(_OverTokens, nn.InstanceNorm1d):
    """Instance norm of (batch, tokens, channels)."""


class TokenPReLU(_OverTokens, nn.PReLU):
    """PReLU of (batch, tokens, channels)."""


class TokenLocalResponseNorm(_OverTokens, nn.LocalResponseNorm):
    """Local response norm of (batch, tokens, channels)."""


class VectorLocalResponseNorm(nn.LocalResponseNorm):
    """Local response norm of (batch, channels)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.unsqueeze(-1)).squeeze(-1)


class Combine(nn.Module):
    """Folds several tensors into one with a function of two."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = getattr(torch, function)

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        result = tensors[0]
        for tensor in tensors[1:]:
            result = self.function(result, tensor)
        return result


class Concatenate(nn.Module):
    """Joins tensors along one axis of the batched tensor."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return torch.cat(tensors, dim=self.axis)


class ChannelPadding(nn.Module):
    """Zeros before and after what is there along one axis of the batched tensor."""

    def __init__(self, axis: int, before: int, after: int) -> None:
        super().__init__()
        self.axis, self.before, self.after = axis, before, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        behind = x.dim() - 1 - self.axis
        return nn.functional.pad(x, (*(0, 0) * behind, self.before, self.after))
