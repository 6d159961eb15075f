"""Modules of attention and of recurrent layers as functions: torch's own with the same weights, written out, masked."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from archtool import load
from archtool.layer import find
from archtool.runs import layer_run
from archtool.shape import Shape

TOKENS = Shape(12, (6,), True)


def module_of(kind: str, x: Shape, **fields: object) -> nn.Module:
    return layer_run(find(kind).read(fields), x).layer.torch(x).eval()


def with_random_vectors(module: nn.Module) -> None:
    """Biases and the like, which begin as 0 or 1, at random."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.uniform_(-1, 1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("context", [None, Shape(12, (5,), True), Shape(7, (5,), True)], ids=str)
def test_with_its_weights_it_is_torchs_attention(context, bias):
    width = 12 if context is None else context.channels
    theirs = nn.MultiheadAttention(12, 3, bias=bias, kdim=width, vdim=width, batch_first=True)
    with_random_vectors(theirs)
    fields = {"heads": 3, "bias": bias, "qkv_bias": bias}
    kind, sides = ("attention", {}) if context is None else ("cross_attention", {"context": context})
    ours = module_of(kind, TOKENS, **fields, **sides)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 6, 12)
    tensors = [x] if context is None else [x, torch.randn(2, *context.dims)]
    assert_close(ours(*tensors), theirs(x, tensors[-1], tensors[-1], need_weights=False)[0])


def test_queries_share_their_groups_keys():
    """With two keys and values for four heads it is attention whose four have each of the two twice."""
    grouped = module_of("attention", Shape(8, (6,), True), heads=4, kv_heads=2)
    plain = module_of("attention", Shape(8, (6,), True), heads=4)
    state = grouped.state_dict()
    for name in ("in_proj_weight", "in_proj_bias"):
        q, k, v = state[name].split([8, 4, 4])
        twice = [each.unflatten(0, (2, 2)).repeat_interleave(2, 0).flatten(0, 1) for each in (k, v)]
        state[name] = torch.cat([q, *twice])
    plain.load_state_dict(state)
    x = torch.randn(2, 6, 8)
    assert_close(grouped(x), plain(x))


def test_over_positions_it_is_that_over_their_tokens():
    spatial = module_of("attention", Shape(8, (3, 4)), heads=2)
    tokens = module_of("attention", Shape(8, (12,), True), heads=2)
    tokens.load_state_dict(spatial.state_dict())
    x = torch.randn(2, 8, 3, 4)
    assert_close(spatial(x), tokens(x.flatten(2).mT).mT.unflatten(2, (3, 4)))


def test_written_out_it_is_the_fused_layer():
    """The same function, parameters and multiply-adds."""
    written, fused = (load("attention_written_out", design, tokens=10, width=24) for design in (None, "fused"))
    assert (written.run.cost.params, written.run.cost.macs) == (fused.run.cost.params, fused.run.cost.macs)
    ours, theirs = written.torch().eval(), fused.torch().eval()
    with_random_vectors(ours)
    state = ours.state_dict()
    projections = ("linear1", "keys", "values")
    stacked = {
        "in_proj_weight": torch.cat([state[f"{name}.weight"] for name in projections]),
        "in_proj_bias": torch.cat([state[f"{name}.bias"] for name in projections]),
        "out_proj.weight": state["linear2.weight"],
        "out_proj.bias": state["linear2.bias"],
    }
    (attention,) = theirs.layers()
    attention.load_state_dict(stacked)
    x = torch.randn(2, 10, 24)
    assert_close(ours(x), theirs(x))


def changed(module: nn.Module, x: Tensor, at: tuple[int, ...]) -> Tensor:
    """Which elements of the output change, to the last bit, where those of the input at a place do."""
    other = x.clone()
    other[at] += 1
    with torch.no_grad():
        return module(x) != module(other)


@pytest.mark.parametrize("position", range(6))
def test_causal_attention_gives_what_comes_later_no_weight(position):
    module = module_of("attention", TOKENS, heads=3, causal=True)
    touched = changed(module, torch.randn(1, 6, 12), (0, position)).any(-1)[0]
    assert touched.tolist() == [q >= position for q in range(6)]


@pytest.mark.parametrize(("n", "window", "shift"), [(12, 4, 0), (12, 4, 1), (12, 4, 2), (9, 3, 2), (4, 4, 2)])
def test_windows_are_told_apart_at_the_borders_too(n, window, shift):
    """Along an axis: [0, s), [s, s + w), ..., [n - w + s, n); one window that covers the axis is not moved."""
    x = Shape(4, (n, window))
    run = layer_run(find("window_attention").read({"heads": 2, "window": window, "shift": shift}), x)
    module = run.layer.torch(x).eval()
    taps = run.layer.taps(x, run.field)[0]
    for position in range(n):
        at = changed(module, torch.randn(1, 4, n, window), (0, slice(None), position)).any(1)[0]
        expected = [position in taps.reads(q) for q in range(n)]
        assert at.any(1).tolist() == at.all(1).tolist() == expected
        start = 0 if n == window else shift  # where windows begin
        assert expected == [(q - start) // window == (position - start) // window for q in range(n)]


def test_the_position_bias_is_that_of_the_offset():
    """Two queries with keys at the same offset have the same bias; no two offsets share one."""
    module = module_of("window_attention", Shape(4, (2, 3)), heads=2, window=(2, 3))
    rows = module.relative_position_index.reshape(2, 3, 2, 3)
    found = {}
    for a, b, c, d in torch.cartesian_prod(*map(torch.arange, rows.shape)).tolist():
        found.setdefault((a - c, b - d), set()).add(rows[a, b, c, d].item())
    assert len(found) == math.prod((3, 5)) == len(module.relative_position_bias_table)
    assert sorted(row for (row,) in found.values()) == list(range(15))


def stacked_states(modules: Iterable[nn.Module]) -> list[Tensor]:
    return [tensor for module in modules for tensor in module.state_dict().values()]


def test_with_its_weights_the_transformer_is_torchs():
    ours = load("transformer_base", width=24, heads=4, depth=2, source_tokens=7, target_tokens=5).torch().eval()
    theirs = nn.Transformer(24, 4, 2, 2, 96, batch_first=True).eval()
    with_random_vectors(theirs)
    in_order = []
    for block in theirs.encoder.layers:
        in_order += [block.self_attn, block.norm1, block.linear1, block.linear2, block.norm2]
    in_order.append(theirs.encoder.norm)
    for block in theirs.decoder.layers:
        in_order += [block.self_attn, block.norm1, block.multihead_attn, block.norm2]
        in_order += [block.linear1, block.linear2, block.norm3]
    in_order.append(theirs.decoder.norm)
    ours.load_state_dict(dict(zip(ours.state_dict(), stacked_states(in_order), strict=True)))
    source, target = torch.randn(2, 7, 24), torch.randn(2, 5, 24)
    assert_close(
        ours(source, target), theirs(source, target, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5))
    )


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_with_its_weights_it_is_torchs_recurrent_layer(kind, bidirectional):
    ours = module_of(kind, TOKENS, hidden=5, layers=2, bidirectional=bidirectional)
    theirs = getattr(nn, kind.upper())(12, 5, 2, batch_first=True, bidirectional=bidirectional)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 6, 12)
    assert_close(ours(x), theirs(x)[0])


def test_an_embedding_looks_up_its_rows():
    module = module_of("embedding", Shape(1, (4,), True), count=5, out=3)
    ids = torch.tensor([[[0], [4], [2], [7]]])
    assert_close(module(ids)[0], module.weight[[0, 4, 2, 2]])
    assert_close(module(ids.double()), module(ids))
