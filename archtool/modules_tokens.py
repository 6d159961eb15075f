"""Torch modules between spatial tensors, tokens and vectors; imported by layers' `torch` methods only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class ToTokens(nn.Module):
    """(batch, channels, *spatial) as (batch, tokens, channels), row by row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)


class ToSpatial(nn.Module):
    """(batch, tokens, channels) as (batch, channels, *sizes), row by row."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).reshape(len(x), -1, *self.sizes)


class Transposed(nn.Module):
    """(batch, tokens, channels) as (batch, channels, tokens)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2)


class Reshaped(nn.Module):
    """(batch, *) as (batch, *sizes), the elements in their order."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(len(x), *self.sizes)


class ClassToken(nn.Module):
    """A learned token before those of (batch, tokens, channels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)


class Taken(nn.Module):
    """One token of (batch, tokens, channels)."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.index]


class Parameter(nn.Module):
    """A learned tensor of these sizes for each item of a batch, whatever the item."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.randn(*sizes) * 0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.value.repeat(len(x), *[1] * self.value.dim())


class Lookup(nn.Embedding):
    """The rows of the ids in (batch, tokens, 1), of any dtype, modulo the number of rows; an id that is no number has
    a row of such."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = super().forward(x[..., 0].nan_to_num().long().remainder(self.num_embeddings))
        return rows.masked_fill(x.isnan(), torch.nan)


class Reduced(nn.Module):
    """mean or amax over some axes of the batched tensor."""

    def __init__(self, function: str, axes: tuple[int, ...], keep: bool) -> None:
        super().__init__()
        self.function = getattr(torch, function)
        self.axes, self.keep = axes, keep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, self.axes, keepdim=self.keep)  # type: ignore[no-any-return]  # getattr


class _OutputsAlone:
    """Before a recurrent module: gives the outputs of all tokens, without the last states."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = super().forward(x)[0]  # type: ignore[misc]  # a mixin
        return y


class TokenLSTM(_OutputsAlone, nn.LSTM):  # type: ignore[misc]  # gives one of the two tensors
    """The hidden states of a long short-term memory."""


class TokenGRU(_OutputsAlone, nn.GRU):  # type: ignore[misc]  # gives one of the two tensors
    """The hidden states of gated recurrent units."""


class TokenRNN(_OutputsAlone, nn.RNN):  # type: ignore[misc]  # gives one of the two tensors
    """The hidden states of a plain recurrent layer."""
