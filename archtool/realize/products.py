"""Layers written out as matrix products of what they read with their weights, a rule for each torch module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import singledispatch
from itertools import product

import torch
from torch import Tensor, nn

from archtool.modules import LocallyConnected, _PadsFirst
from archtool.modules_attention import Attention, HeadProduct, WindowAttention
from archtool.modules_parts import BlurPool


class Products:
    """Multiplies, and counts what it has multiplied in `ran`, by (m, n, k)."""

    def __init__(self) -> None:
        self.ran: Counter[tuple[int, int, int]] = Counter()

    def of(self, left: Tensor, right: Tensor) -> Tensor:
        """(count, m, n) of (count, m, k) and (count, k, n)."""
        count, m, k = left.shape
        self.ran[m, right.shape[2], k] += count
        return torch.bmm(left, right)


def multiplied(module: nn.Module, tensors: Sequence[Tensor], products: Products) -> Tensor:
    """The output of a layer's module for one item, by `products` alone where it multiplies matrices."""
    return _rule(module, tensors, products)


@singledispatch
def _rule(module: nn.Module, tensors: Sequence[Tensor], products: Products) -> Tensor:
    raise TypeError(f"no rule for {type(module).__name__}")


@_rule.register
def _linear(module: nn.Linear, tensors: Sequence[Tensor], products: Products) -> Tensor:
    return _affine(tensors[0], module.weight, module.bias, products)


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None, products: Products) -> Tensor:
    """The last axis of x times a weight (out, in)."""
    y = products.of(x.reshape(1, -1, x.shape[-1]), weight.t().unsqueeze(0))[0]
    y = y.reshape(*x.shape[:-1], len(weight))
    return y if bias is None else y + bias


def _windows(x: Tensor, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """(channels, positions, taps) of (1, channels, *spatial): what each window reads."""
    for axis, (size, step, gap) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = x.unfold(2 + axis, gap * (size - 1) + 1, step)[..., ::gap]
    rank = len(kernel)
    return x[0].flatten(1 + rank).flatten(1, rank)


def _convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    products: Products,
) -> Tensor:
    kernel = weight.shape[2:]
    axes = zip(x.shape[2:], kernel, stride, dilation, strict=True)
    sizes: list[int] = [(n - gap * (size - 1) - 1) // step + 1 for n, size, step, gap in axes]
    windows = _windows(x, kernel, stride, dilation)
    by_group = windows.reshape(groups, -1, *windows.shape[1:])  # (groups, channels, positions, taps)
    rows = by_group.transpose(1, 2).flatten(2)
    columns = weight.reshape(groups, len(weight) // groups, -1).transpose(1, 2)
    y = products.of(rows, columns).transpose(1, 2).reshape(1, len(weight), *sizes)
    return y if bias is None else y + bias.reshape(-1, *[1] * len(sizes))


@_rule.register(nn.Conv1d)
@_rule.register(nn.Conv2d)
@_rule.register(nn.Conv3d)
def _conv(module: nn.Conv1d | nn.Conv2d | nn.Conv3d, tensors: Sequence[Tensor], products: Products) -> Tensor:
    x = tensors[0]
    if isinstance(module, _PadsFirst):
        x = nn.functional.pad(x, module.pads, module.pad_mode)
    else:
        mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
        assert not isinstance(module.padding, str)  # archtool tells it in numbers
        pads = [pad for pad in reversed(module.padding) for _ in ("before", "after")]
        x = nn.functional.pad(x, pads, mode)
    return _convolved(x, module.weight, module.bias, module.stride, module.dilation, module.groups, products)


@_rule.register
def _blurred(module: BlurPool, tensors: Sequence[Tensor], products: Products) -> Tensor:
    x = nn.functional.pad(tensors[0], module.pads, module.mode)
    return _convolved(x, module.filter, None, module.strides, [1] * len(module.strides), x.shape[1], products)


@_rule.register(nn.ConvTranspose1d)
@_rule.register(nn.ConvTranspose2d)
@_rule.register(nn.ConvTranspose3d)
def _scattered(
    module: nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d, tensors: Sequence[Tensor], products: Products
) -> Tensor:
    """Each input times each weight; what comes out is added where it belongs."""
    x, groups = tensors[0], module.groups
    spatial, kernel = x.shape[2:], module.weight.shape[2:]
    rows = x.reshape(groups, -1, spatial.numel()).transpose(1, 2)
    y = products.of(rows, module.weight.reshape(groups, len(module.weight) // groups, -1))
    parts = y.transpose(1, 2).reshape(module.out_channels, kernel.numel(), *spatial)
    axes = list(
        zip(spatial, kernel, module.stride, module.padding, module.dilation, module.output_padding, strict=True)
    )
    whole = x.new_zeros(
        module.out_channels, *((n - 1) * step + gap * (size - 1) + 1 + more for n, size, step, _, gap, more in axes)
    )
    for number, taps in enumerate(product(*map(range, kernel))):
        where = [
            slice(gap * tap, gap * tap + (n - 1) * step + 1, step)
            for tap, (n, _, step, _, gap, _) in zip(taps, axes, strict=True)
        ]
        whole[(slice(None), *where)] += parts[:, number]
    inner = [slice(pad, size - pad) for size, (_, _, _, pad, _, _) in zip(whole.shape[1:], axes, strict=True)]
    found = whole[(slice(None), *inner)].unsqueeze(0)
    return found if module.bias is None else found + module.bias.reshape(-1, *[1] * len(spatial))


@_rule.register
def _unshared(module: LocallyConnected, tensors: Sequence[Tensor], products: Products) -> Tensor:
    x = nn.functional.pad(tensors[0], module.pads)
    rows = _windows(x, module.kernel, module.stride, [1] * len(module.kernel)).transpose(0, 1).flatten(1)
    y = products.of(rows.unsqueeze(1), module.weight.transpose(1, 2))[:, 0]
    found = y.t().reshape(1, -1, *module.positions)
    return found if module.bias is None else found + module.bias


@_rule.register
def _by_head(module: HeadProduct, tensors: Sequence[Tensor], products: Products) -> Tensor:
    left, right = (_heads(each, module.heads) for each in tensors)
    y = products.of(left * module.scale, right.transpose(1, 2) if module.transposed else right)
    return _merged(y)


def _heads(x: Tensor, heads: int) -> Tensor:
    """(heads, tokens, channels of a head) of (1, tokens, channels)."""
    return x[0].reshape(x.shape[1], heads, -1).transpose(0, 1)


def _merged(y: Tensor) -> Tensor:
    """(1, tokens, channels) of (heads, tokens, channels of a head)."""
    return y.transpose(0, 1).flatten(1).unsqueeze(0)


@_rule.register
def _attention(module: Attention, tensors: Sequence[Tensor], products: Products) -> Tensor:
    sizes = tensors[0].shape[2:]
    laid = [x.flatten(2).transpose(1, 2) if first else x for x, first in zip(tensors, module.spatial, strict=False)]
    x, context = laid[0], laid[-1]
    widths = [module.queries, module.keys, module.keys]
    if hasattr(module, "in_proj_weight"):
        weights: Sequence[Tensor] = torch.split(module.in_proj_weight, widths)
    else:
        weights = (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
    biases = [None] * 3 if module.in_proj_bias is None else torch.split(module.in_proj_bias, widths)
    of = zip((x, context, context), weights, biases, strict=True)
    each = module.queries // module.heads
    queries, keys, values = (
        _heads(_affine(tensor, weight, bias, products), len(weight) // each) for tensor, weight, bias in of
    )
    shared = module.heads * each // module.keys  # queries' heads to each of the keys'
    keys, values = (tensor.repeat_interleave(shared, 0) for tensor in (keys, values))
    scores = products.of(queries, keys.transpose(1, 2)) * each**-0.5
    if module.is_causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -torch.inf)
    mixed = _merged(products.of(scores.softmax(-1), values))
    z = _affine(mixed, module.out_proj.weight, module.out_proj.bias, products)
    return z.transpose(1, 2).reshape(1, -1, *sizes) if module.spatial[0] else z


@_rule.register
def _window_attention(module: WindowAttention, tensors: Sequence[Tensor], products: Products) -> Tensor:
    windows = module._windows(module._moved(tensors[0], -1))  # (windows, positions, channels)
    qkv = _affine(windows, module.qkv.weight, module.qkv.bias, products)
    heads = qkv.reshape(*qkv.shape[:2], 3, module.heads, -1).permute(2, 0, 3, 1, 4)
    queries, keys, values = (each.flatten(0, 1) for each in heads)  # (windows * heads, positions, channels of a head)
    scores = products.of(queries * queries.shape[-1] ** -0.5, keys.transpose(1, 2))
    scores = scores.reshape(len(windows), module.heads, *scores.shape[1:])
    if module.relative_position_bias_table is not None:
        biases = module.relative_position_bias_table[module.relative_position_index]
        scores = scores + biases.reshape(*scores.shape[-2:], module.heads).permute(2, 0, 1)
    if module.mask is not None:
        scores = scores + module.mask
    mixed = products.of(scores.softmax(-1).flatten(0, 1), values)
    together = mixed.reshape(len(windows), module.heads, *mixed.shape[1:]).transpose(1, 2).flatten(2)
    y = _affine(together, module.proj.weight, module.proj.bias, products)
    return module._moved(module._together(y), 1)


@_rule.register(nn.LSTM)
@_rule.register(nn.GRU)
@_rule.register(nn.RNN)
def _recurrent(module: nn.LSTM | nn.GRU | nn.RNN, tensors: Sequence[Tensor], products: Products) -> Tensor:
    """All inputs at once, and step by step what the state before has left."""
    x = tensors[0]
    for layer in range(module.num_layers):
        rows = [_passed(module, x, f"_l{layer}", products)]
        if module.bidirectional:
            rows.append(_passed(module, x.flip(1), f"_l{layer}_reverse", products).flip(1))
        x = torch.cat(rows, -1)
    return x


def _passed(module: nn.LSTM | nn.GRU | nn.RNN, x: Tensor, which: str, products: Products) -> Tensor:
    """The states of one layer in one direction."""
    own, state = getattr(module, f"weight_ih{which}"), getattr(module, f"weight_hh{which}")
    inward, across = (getattr(module, f"bias_{part}{which}") if module.bias else None for part in ("ih", "hh"))
    inputs = _affine(x, own, inward, products)
    hidden = cell = x.new_zeros(1, module.hidden_size)
    found = []
    for step in range(x.shape[1]):
        given, before = inputs[:, step], _affine(hidden, state, across, products)
        if isinstance(module, nn.LSTM):
            enter, forget, made, leave = (given + before).chunk(4, -1)
            cell = forget.sigmoid() * cell + enter.sigmoid() * made.tanh()
            hidden = leave.sigmoid() * cell.tanh()
        elif isinstance(module, nn.GRU):
            (reset, keep, new), (old_reset, old_keep, old) = given.chunk(3, -1), before.chunk(3, -1)
            held = (keep + old_keep).sigmoid()
            hidden = held * hidden + (1 - held) * (new + (reset + old_reset).sigmoid() * old).tanh()
        else:
            both = given + before
            hidden = both.relu() if module.nonlinearity == "relu" else both.tanh()
        found.append(hidden)
    return torch.stack(found, 1)
