"""Torch modules of attention; imported by layers' `torch` methods only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn


class Attention(nn.Module):
    """Multi-head attention of x to a context, itself by default, both (batch, tokens, channels), or (batch, channels,
    *spatial) where told.

    `queries` and `keys` are the channels of all heads of each. Parameters are named and laid out as those of
    torch.nn.MultiheadAttention: queries, keys and values behind each other where both tensors have as many channels.
    """

    def __init__(
        self,
        channels: int,
        context: int,
        queries: int,
        keys: int,
        heads: int,
        *,
        qkv_bias: bool,
        bias: bool,
        is_causal: bool,
        spatial: tuple[bool, bool],
    ) -> None:
        super().__init__()
        self.queries, self.keys, self.heads = queries, keys, heads
        self.is_causal, self.spatial = is_causal, spatial
        if context == channels:
            self.in_proj_weight = nn.Parameter(torch.empty(queries + 2 * keys, channels))
            weights = [self.in_proj_weight]
        else:
            self.q_proj_weight = nn.Parameter(torch.empty(queries, channels))
            self.k_proj_weight = nn.Parameter(torch.empty(keys, context))
            self.v_proj_weight = nn.Parameter(torch.empty(keys, context))
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        for weight in weights:
            nn.init.xavier_uniform_(weight)
        self.in_proj_bias = nn.Parameter(torch.zeros(queries + 2 * keys)) if qkv_bias else None
        self.out_proj = nn.Linear(queries, channels, bias)

    def forward(self, x: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
        sizes = x.shape[2:]
        if self.spatial[0]:
            x = x.flatten(2).transpose(1, 2)
        if context is not None and self.spatial[1]:
            context = context.flatten(2).transpose(1, 2)
        z: torch.Tensor = self.out_proj(self._attended(x, context))
        return z.transpose(1, 2).reshape(len(z), -1, *sizes) if self.spatial[0] else z

    def _attended(self, x: torch.Tensor, context: torch.Tensor | None) -> torch.Tensor:
        """What the heads make, behind each other; the projections that it takes go when it is done."""
        q, k, v = (self._by_head(each) for each in self._projected(x, context))
        grouped = self.keys != self.queries
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.is_causal, enable_gqa=grouped)
        return y.transpose(1, 2).flatten(2)

    def _projected(self, x: torch.Tensor, context: torch.Tensor | None) -> Sequence[torch.Tensor]:
        widths = [self.queries, self.keys, self.keys]
        linear = nn.functional.linear
        if context is None:
            return torch.split(linear(x, self.in_proj_weight, self.in_proj_bias), widths, dim=-1)
        biases = torch.split(self.in_proj_bias, widths) if self.in_proj_bias is not None else (None, None, None)
        if hasattr(self, "in_proj_weight"):
            weights: Sequence[torch.Tensor] = torch.split(self.in_proj_weight, widths)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        of = (x, context, context)
        return [linear(tensor, weight, bias) for tensor, weight, bias in zip(of, weights, biases, strict=True)]

    def _by_head(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, heads, tokens, channels of a head) of (batch, tokens, channels)."""
        return x.reshape(*x.shape[:2], -1, self.queries // self.heads).transpose(1, 2)


class WindowAttention(nn.Module):
    """Multi-head attention within windows of (batch, channels, *spatial), parameters named as in torchvision's Swin.

    The windows are those of the input moved by `shift` towards its start; what comes in again at its end is masked
    from what was there.
    """

    relative_position_index: torch.Tensor
    mask: torch.Tensor | None

    def __init__(
        self,
        channels: int,
        heads: int,
        sizes: Sequence[int],
        window: Sequence[int],
        shift: Sequence[int],
        *,
        qkv_bias: bool,
        bias: bool,
        position_bias: bool,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.sizes, self.window, self.shift = tuple(sizes), tuple(window), tuple(shift)
        self.qkv = nn.Linear(channels, 3 * channels, qkv_bias)
        self.proj = nn.Linear(channels, channels, bias)
        self.relative_position_bias_table = None
        if position_bias:
            offsets = math.prod(2 * size - 1 for size in window)
            self.relative_position_bias_table = nn.Parameter(torch.randn(offsets, heads) * 0.02)
            self.register_buffer("relative_position_index", _relative_positions(self.window))
        self.register_buffer("mask", self._mask() if any(shift) else None, persistent=False)

    def _mask(self) -> torch.Tensor:
        """(windows, 1, w, w) for w positions a window: -inf where two of its positions were no neighbours."""
        came_in = torch.zeros(1, 1, *self.sizes)
        for axis, (size, shift) in enumerate(zip(self.sizes, self.shift, strict=True)):
            came_in.narrow(2 + axis, size - shift, shift).add_(2**axis)
        parts = self._windows(came_in)
        apart = parts != parts.transpose(1, 2)
        return torch.zeros(apart.shape).masked_fill(apart, -math.inf).unsqueeze(1)

    def _windows(self, x: torch.Tensor) -> torch.Tensor:
        """(batch * windows, positions of a window, channels) of (batch, channels, *spatial)."""
        pairs = [(size // window, window) for size, window in zip(self.sizes, self.window, strict=True)]
        x = x.reshape(*x.shape[:2], *itertools.chain.from_iterable(pairs))
        rank = len(pairs)
        x = x.permute(0, *range(2, 2 + 2 * rank, 2), *range(3, 3 + 2 * rank, 2), 1)
        return x.reshape(-1, math.prod(self.window), x.shape[-1])

    def _together(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, *spatial) of what `_windows` gives."""
        counts = [size // window for size, window in zip(self.sizes, self.window, strict=True)]
        rank = len(counts)
        x = x.reshape(-1, *counts, *self.window, x.shape[-1])
        x = x.permute(0, 1 + 2 * rank, *itertools.chain.from_iterable((1 + i, 1 + rank + i) for i in range(rank)))
        return x.reshape(*x.shape[:2], *self.sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # What one step made goes when the next is done: nothing here holds it.
        y = self._together(self.proj(self._attended(self.qkv(self._windows(self._moved(x, -1))))))
        return self._moved(y, 1)

    def _moved(self, x: torch.Tensor, sign: int) -> torch.Tensor:
        """(batch, channels, *spatial) moved by the shift, or back."""
        shifts = tuple(sign * shift for shift in self.shift)
        return torch.roll(x, shifts, tuple(range(2, x.dim()))) if any(shifts) else x

    def _attended(self, qkv: torch.Tensor) -> torch.Tensor:
        """What the heads make of queries, keys and values, which go when it is done."""
        q, k, v = qkv.reshape(*qkv.shape[:2], 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        if self.relative_position_bias_table is not None:
            table, sizes = self.relative_position_bias_table, (*scores.shape[-2:], self.heads)
            scores = scores + table[self.relative_position_index].reshape(sizes).permute(2, 0, 1)
        if self.mask is not None:
            scores = (scores.reshape(-1, len(self.mask), *scores.shape[1:]) + self.mask).flatten(0, 1)
        y: torch.Tensor = scores.softmax(-1) @ v
        return y.transpose(1, 2).flatten(2)


def _relative_positions(window: Sequence[int]) -> torch.Tensor:
    """For each pair of positions of a window, row by row: which row of the bias table their offset has."""
    grids = torch.meshgrid(*(torch.arange(size) for size in window), indexing="ij")
    index = torch.zeros((), dtype=torch.long)
    for grid, size in zip(grids, window, strict=True):
        at = grid.flatten()
        index = index * (2 * size - 1) + (at[:, None] - at[None, :] + size - 1)
    return index.flatten()


class HeadProduct(nn.Module):
    """x times another tensor, both (batch, tokens, channels), head by head, and times `scale`."""

    def __init__(self, heads: int, transposed: bool, scale: float) -> None:
        super().__init__()
        self.heads, self.transposed, self.scale = heads, transposed, scale

    def forward(self, x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        left, right = (each.reshape(*each.shape[:2], self.heads, -1).transpose(1, 2) for each in (x, by))
        if self.scale != 1:
            left = left * self.scale
        return torch.matmul(left, right.transpose(2, 3) if self.transposed else right).transpose(1, 2).flatten(2)
