"""Which input channels each output channel may depend on, as every kind tells it, against gradients in torch."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from archtool.layer import Join, find, kinds
from archtool.nature import Coupling, Groups, Routed
from archtool.runs import LayerRun
from archtool.shape import Shape
from archtool.trace import Trace
from tests.test_layers import example_of, inputs_of, run_of

LARGEST = 100_000  # pairs of channels, and elements of an input: beyond it a case takes seconds
USES = [(kind, number) for kind in sorted(kinds()) for number in range(len(find(kind).examples))]
DISCRETE = {"embedding"}  # ids have no gradient


def told(run: LayerRun) -> tuple[Coupling, ...]:
    """What a kind says of each of its tensors."""
    x, *sides = run.inputs
    if isinstance(run.layer, Join):
        return run.layer.couplings(run.inputs, run.output)
    return (run.layer.coupling(x), *[run.layer.side_coupling(x) for _ in sides])


def as_matrix(coupling: Coupling, ins: int, outs: int) -> torch.Tensor:
    """Row o, column i: whether output channel o may depend on input channel i."""
    matrix = torch.zeros(outs, ins, dtype=torch.bool)
    if isinstance(coupling, Routed):
        assert len(coupling.sources) == outs
        for row, sources in zip(matrix, coupling.sources, strict=True):
            row[list(sources)] = True
        return matrix
    groups = coupling.groups
    assert isinstance(groups, int)
    assert ins % groups == outs % groups == 0
    for group in range(groups):
        rows, columns = (range(group * n // groups, (group + 1) * n // groups) for n in (outs, ins))
        matrix[rows.start : rows.stop, columns.start : columns.stop] = True
    return matrix


def by_channel(tensor: torch.Tensor, shape: Shape) -> torch.Tensor:
    """(channels, the rest) of one item."""
    return tensor.movedim(-1, 0).flatten(1) if shape.is_tokens else tensor.reshape(tensor.shape[0], -1)


def reached(run: LayerRun, seed: int) -> list[torch.Tensor]:
    """For each tensor, which of its channels the output channels depend on: gradients that are not 0."""
    torch.manual_seed(seed)
    module = run.layer.torch(run.inputs[0]).double().eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    inputs = [torch.randn(1, *shape.dims, dtype=torch.float64, requires_grad=True) for shape in run.inputs]
    output = by_channel(module(*inputs)[0], run.output)
    found = [torch.zeros(len(output), shape.channels, dtype=torch.bool) for shape in run.inputs]
    for row, channel in enumerate(output):
        weighted = (channel * torch.randn(channel.shape, dtype=torch.float64)).sum()
        if not weighted.requires_grad:
            continue
        gradients = torch.autograd.grad(weighted, inputs, retain_graph=True, allow_unused=True)
        for matrix, gradient, shape in zip(found, gradients, run.inputs, strict=True):
            if gradient is not None:
                matrix[row] = by_channel(gradient[0], shape).ne(0).any(1)
    return found


@pytest.mark.parametrize(("kind", "number"), [use for use in USES if use[0] not in DISCRETE])
def test_the_channels_that_reach_an_output_are_those_that_the_kind_tells(kind: str, number: int) -> None:
    cls, example, values = example_of(kind, number)
    run = run_of(cls, values, inputs_of(cls, example))
    if max(max(x.elements, x.channels * run.output.channels) for x in run.inputs) > LARGEST:
        pytest.skip("too large")
    matrices = [as_matrix(each, x.channels, run.output.channels) for each, x in zip(told(run), run.inputs, strict=True)]
    seen = [torch.zeros_like(matrix) for matrix in matrices]
    for seed in range(6):
        for all_seen, now in zip(seen, reached(run, seed), strict=True):
            all_seen |= now
    for may, does in zip(matrices, seen, strict=True):
        assert torch.equal(may, does)


@pytest.mark.parametrize(("kind", "number"), USES)
def test_where_sizes_vary_no_more_is_told_than_where_they_are_numbers(kind: str, number: int) -> None:
    """Of channels that vary: either the same groups, or that all may depend on all."""
    cls, example, values = example_of(kind, number)
    if any(name in values for name in cls.sides):
        pytest.skip("the further tensors' sizes would have to vary too")
    inputs = inputs_of(cls, example)
    channels = Trace().symbol("c", 1, 2**20, 1)
    fixed = run_of(cls, values, inputs)
    varying = tuple([shape._replace(channels=channels) for shape in fixed.inputs])
    layer = fixed.layer
    if isinstance(layer, Join):
        couplings = layer.couplings(varying, fixed.output._replace(channels=channels))
        assert all(isinstance(each, Groups) for each in couplings)
        return
    if kind in ("reshape", "pixel_shuffle"):  # their outputs' channels are not free
        return
    coupling, number_coupling = layer.coupling(varying[0]), layer.coupling(fixed.inputs[0])
    if isinstance(coupling, Groups) and coupling != number_coupling:
        assert coupling.groups in (1, channels)


def test_a_gate_of_one_channel_reaches_all() -> None:
    multiply = find("multiply").read({})
    assert isinstance(multiply, Join)
    inputs = (Shape(6, (3, 3)), Shape(1, (3, 3)))
    assert multiply.couplings(inputs, Shape(6, (3, 3))) == (Groups(6), Groups(1))


def test_concatenated_paths_lie_behind_each_other() -> None:
    concat = find("concat").read({})
    assert isinstance(concat, Join)
    inputs = (Shape(2, (3,)), Shape(1, (3,)), Shape(3, (3,)))
    first, second, third = concat.couplings(inputs, Shape(6, (3,)))
    assert (first, second, third) == (
        Routed(((0,), (1,), (), (), (), ())),
        Routed(((), (), (0,), (), (), ())),
        Routed(((), (), (), (0,), (1,), (2,))),
    )


def test_of_too_many_concatenated_paths_all_may_reach_all() -> None:
    concat = find("concat").read({})
    assert isinstance(concat, Join)
    inputs = (Shape(10_000, (3,)),) * 1000
    assert concat.couplings(inputs, Shape(10_000_000, (3,))) == (Groups(1),) * 1000


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_a_channel_is_normalised_by_its_neighbours(size: int) -> None:
    coupling = find("local_response_norm").read({"size": size}).coupling(Shape(8, (2, 2)))
    assert isinstance(coupling, Routed)
    assert all(channel in sources for channel, sources in enumerate(coupling.sources))
    assert all(b - a == 1 for sources in coupling.sources for a, b in pairwise(sources))
    assert max(map(len, coupling.sources)) == size


@pytest.mark.parametrize(
    ("kind", "fields", "channels"),
    [
        ("slice", {"start": 0, "stop": 10**30}, 10**30),
        ("pad_channels", {"before": 10**30}, 4),
        ("local_response_norm", {"size": 10**30}, 10**30),
        ("channel_shuffle", {"groups": 2}, 10**30),
        ("glu", {}, 10**30),
    ],
)
def test_routes_of_too_many_channels_to_be_told_one_by_one_lead_from_all_to_all(
    monkeypatch: pytest.MonkeyPatch, kind: str, fields: dict[str, int], channels: int
) -> None:
    monkeypatch.setattr("archtool.nature.MOST_ROUTES", 1000)
    layer = find(kind).read(fields)
    assert layer.coupling(Shape(channels, (2, 2))) == Groups(1)
