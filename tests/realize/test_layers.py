"""Every layer kind against its torch module, in all its examples and with each flag turned over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archtool.errors import RuleError
from archtool.field import LOCAL
from archtool.fields import FlagKind
from archtool.layer import Join, find, kinds
from archtool.runs import LayerRun, join_run, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value


def in_a_spec(value: Any) -> Any:
    return value if isinstance(value, str | Shape) else python_value(value)


def runs() -> Iterator[Any]:
    """Every example of every kind; joins of two and of three tensors; every flag turned over where that is allowed."""
    for kind in kinds():
        cls = find(kind)
        for index, example in enumerate(cls.examples):
            x, name = example.input, f"{kind}-{index}"
            fields = {key: in_a_spec(value) for key, value in example.fields.items()}
            if issubclass(cls, Join):
                yield pytest.param(join_run(cls(), (x, x)), id=f"{name}-two")
                yield pytest.param(join_run(cls(), (x, x, x)), id=f"{name}-three")
                continue
            layer = cls.read(fields)
            yield pytest.param(layer_run(layer, x), id=name)
            for flag in (key for key, field in cls.field_kinds().items() if isinstance(field, FlagKind)):
                turned = cls.read({**fields, flag: not getattr(layer, flag)})
                with suppress(RuleError):  # ceil mode and uneven padding, say, exclude each other
                    yield pytest.param(layer_run(turned, x), id=f"{name}-{flag}")


@pytest.fixture(params=runs())
def run(request: pytest.FixtureRequest) -> LayerRun:
    return request.param


def inputs(run: LayerRun, batch: int, **options: Any) -> list[torch.Tensor]:
    return [torch.randn(batch, *x.dims, **options) for x in run.inputs]


def test_output_parameters_and_multiply_adds(run):
    with torch.device("meta"):
        module = run.layer.torch(run.inputs[0]).eval()
        with FlopCounterMode(display=False) as counter:
            y = module(*inputs(run, 2))
    assert y.shape == (2, *run.output.dims)
    assert sum(each.numel() for each in module.parameters()) == run.cost.params
    assert counter.get_total_flops() == 2 * 2 * run.cost.macs  # a batch of two, two FLOPs each


def test_the_real_module_runs_in_training_and_keeps_items_apart(run):
    module = run.layer.torch(run.inputs[0])
    assert module(*inputs(run, 3)).shape == (3, *run.output.dims)
    module.eval()
    together = inputs(run, 3)
    alone = module(*[x[1:2] for x in together])
    torch.testing.assert_close(module(*together)[1:2], alone)


def positions(run: LayerRun, axis: int) -> dict[int, set[int]]:
    """What each output position along an axis really depends on: one NaN after the other in the first input. A tensor
    without the axis has one position."""
    module = run.layer.torch(run.inputs[0]).eval().double()
    x, y = run.inputs[0], run.output
    found: dict[int, set[int]] = {}
    for position in range(x.axes[axis]):
        tensors = inputs(run, 1, dtype=torch.float64)
        along_axis(tensors[0], x, axis)[position] = torch.nan
        with sdpa_kernel(SDPBackend.MATH):  # others forget a NaN
            tainted = torch.isnan(module(*tensors))
        along = along_axis(tainted, y, axis) if axis < len(y.axes) else tainted
        for q in along.flatten(1).any(1).nonzero().flatten().tolist():
            found.setdefault(q, set()).add(position)
    return found


def along_axis(tensor: torch.Tensor, shape: Shape, axis: int) -> torch.Tensor:
    """A view of a batched tensor with an axis of its positions first; tokens that stand before a grid are left out."""
    if not shape.grid:
        return tensor.movedim(axis + (1 if shape.is_tokens else 2), 0)
    return tensor[:, shape.lead :].unflatten(1, shape.grid).movedim(axis + 1, 0)


MOVED = ("reshape", "spatial")  # to other axes, along which nothing tells what a position sees but that all see all
REPEATED = ("reflect", "circular", "replicate", "bilinear", "bicubic")


def mixes_at_borders(run: LayerRun) -> bool:
    """Whether a position whose window reaches past the input sees something of the input instead: what is mirrored,
    wrapped or repeated there, or, by a NaN alone, what has weight 0."""
    modes = [getattr(run.layer, name, None) for name in ("padding_mode", "mode")]
    return run.kind in ("roll", "window_attention") or any(mode in REPEATED for mode in modes)


def test_every_position_sees_what_is_predicted(run):
    """Along each axis and at every position; a window that reaches past the input is cut off there."""
    x = run.inputs[0]
    while max(x.axes, default=0) > 32:  # too slow position by position
        x = x._replace(spatial=tuple(n // 2 for n in x.spatial))
        run = layer_run(run.layer, x)
    for axis, size in enumerate(x.axes):
        seen = positions(run, axis)
        if run.seen is None:
            assert not seen
            continue
        if run.field.state != LOCAL:
            if len(run.output.axes) == len(x.axes):
                assert len(seen) == run.output.axes[axis]
            if run.kind in MOVED:
                assert set().union(*seen.values()) == set(range(size))
            else:
                assert all(found == set(range(size)) for found in seen.values())
            continue
        if not run.field.axes:
            assert seen == {q: {q} for q in range(size)}
            continue
        taps = run.layer.taps(x, run.field)[axis]
        field = run.field.axes[axis]
        compared = 0
        for q in range(run.output.axes[axis] if axis < len(run.output.axes) else 1):
            reads = taps.reads(q)
            inside = {p for p in reads if 0 <= p < size}
            turn, phase = divmod(q, len(field.phases))
            low, high = (field.stride * turn + end for end in field.phases[phase][:2])
            assert (min(reads), max(reads)) == (low, high) if reads else low > high
            if len(inside) == len(reads) or not mixes_at_borders(run):
                assert seen.get(q, set()) == inside
                compared += 1
        assert compared


@pytest.mark.parametrize("x", [Shape(4, (5,), True), Shape(4), Shape(4, (1, 1)), Shape(4, (3, 4, 5))], ids=str)
@pytest.mark.parametrize(
    ("kind", "fields"), [("batch_norm", {}), ("group_norm", {"groups": 2}), ("local_response_norm", {"size": 3})]
)
def test_norms_in_every_layout(kind, fields, x):
    """The channels are normalised, wherever they stand."""
    spatial = x.spatial or (1,)
    plain = Shape(x.channels, spatial)
    values = torch.randn(3, x.channels, *spatial)
    expected = find(kind).read(fields).torch(plain).eval()(values)
    written = values.movedim(1, -1) if x.is_tokens else values.reshape(3, *x.dims)
    y = find(kind).read(fields).torch(x).eval()(written)
    torch.testing.assert_close(y.movedim(-1, 1) if x.is_tokens else y.reshape(expected.shape), expected)
