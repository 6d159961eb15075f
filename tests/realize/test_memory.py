"""Predicted memory is what torch takes, to the byte: every kind by itself, whole networks, random ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

from archtool import load
from archtool.analysis.retention.execution import Units
from archtool.analysis.retention.peak import overwriting, run_through
from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join, find, kinds
from archtool.layers.activation import SiLU
from archtool.layers.residual import LayerScale
from archtool.realize import memory
from archtool.realize.build import example_inputs, realize
from archtool.realize.memory import OPTIMIZERS, Loss, measure
from archtool.runs import LayerRun, join_run, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value

CPU = torch.device("cpu")


def runs() -> Iterator[Any]:
    """Every example of every kind; joins of two and of three tensors."""
    for kind in kinds():
        cls = find(kind)
        for index, example in enumerate(cls.examples):
            x, name = example.input, f"{kind}-{index}"
            if issubclass(cls, Join):
                yield pytest.param(join_run(cls(), (x, x)), id=f"{name}-two")
                yield pytest.param(join_run(cls(), (x, x, x)), id=f"{name}-three")
                continue
            fields = {
                key: value if isinstance(value, str | Shape) else python_value(value)
                for key, value in example.fields.items()
            }
            yield pytest.param(layer_run(cls.read(fields), x), id=name)


def alone(run: LayerRun) -> FlatNetwork:
    """The run between two other layers, the first of which has weights: a gradient goes through all of it."""
    inputs = {f"input{index}": x for index, x in enumerate(run.inputs)}
    count = len(inputs)
    layers = [
        FlatLayer(f"before{index}", layer_run(LayerScale(), x), (index,), count + index, (), f"before{index}")
        for index, x in enumerate(run.inputs)
    ]
    layers.append(FlatLayer("run", run, tuple(range(count, 2 * count)), 2 * count, (), "run"))
    layers.append(FlatLayer("after", layer_run(SiLU(), run.output), (2 * count,), 2 * count + 1, (), "after"))
    return FlatNetwork(inputs, layers, {"output": 2 * count + 1})


def differences(flat: FlatNetwork, batch: int, training: bool, in_place: bool = False) -> list[tuple[str, int, int]]:
    """Where predicted and counted bytes differ: at the peak of all, and while each layer runs forward."""
    network = realize(flat, overwriting(flat, training) if in_place else ())
    found = measure(network, example_inputs(flat, batch, CPU, torch.float32), OPTIMIZERS["sgd"] if training else None)
    passes = run_through(flat, Units(batch, 4), training=training, in_place=in_place)
    compared = [("live", passes.heap.peak, found.live)]
    compared += [(row.name, row.peak, high) for row, high in zip(passes.rows, found.layers, strict=True)]
    return [each for each in compared if each[1] != each[2]]


NEARLY = ("conv-4", "instance_norm-2", "window_attention-3")  # circular padding; running statistics; a single head
ALL = list(runs())


@pytest.mark.parametrize(
    "run", [use for use in ALL if not use.values[0].layer.holds_more and not use.id.startswith(NEARLY)]
)
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_every_kind_takes_what_is_predicted(run: LayerRun, training: bool):
    for batch in (2, 3):
        assert differences(alone(run), batch, training) == []


@pytest.mark.parametrize("run", [use for use in ALL if use.id.startswith(NEARLY)])
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_rare_uses_take_nearly_that(run: LayerRun, training: bool):
    for name, predicted, measured in differences(alone(run), 2, training):
        assert abs(predicted - measured) <= 0.2 * measured, name


def test_what_is_not_all_counted_is_said():
    text = "archtool: 1\nname: net\ninput: {tokens: 5, channels: 8}\nlayers:\n  - lstm: {hidden: 4}\n"
    assert load(text).memory().notes == ("what layers of the kind 'lstm' hold while they run is not all counted",)
    assert load("resnet18").memory().notes == ()


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("name", ["lenet5", "resnet18", "densenet121", "mobilenet_v3_small", "vit_b_32"])
def test_whole_networks_take_what_is_predicted(name: str, mode: str):
    verification = load(name).verify_memory("cpu", mode=mode, optimizer="adam", batch=2)
    assert verification.differences == ()
    totals = ["params bytes", "buffers", "live"]
    if mode == "training":
        totals[2:2] = ["gradients", "optimizer state"]
    assert [row.what for row in verification.totals] == totals
    assert {row.what for row in verification.rows} == {"live"}
    assert len(verification.rows) == len(load(name).flat().layers)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_other_dtypes(dtype: str):
    assert load("resnet18").verify_memory("cpu", dtype, mode="training").differences == ()


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_optimizers_keep_what_is_predicted(optimizer: str):
    rows = {row.what: row for row in load("lenet5").verify_memory("cpu", mode="training", optimizer=optimizer).totals}
    assert rows["optimizer state"].agrees
    assert rows["optimizer state"].predicted == {"sgd": 0, "momentum": 1}.get(optimizer, 2) * 4 * 61706


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_activations_in_place(mode: str):
    """They take less where they may, in torch too, and do the same."""
    design = load("resnet18")
    assert design.verify_memory("cpu", mode=mode, in_place=True).differences == ()
    rows = {row.name: row.peak for row in design.memory(mode=mode).rows}
    assert any(row.peak < rows[row.name] for row in design.memory(mode=mode, in_place=True).rows)
    flat = design.flat()
    plain, written = realize(flat).eval(), realize(flat, overwriting(flat, False)).eval()
    written.load_state_dict(plain.state_dict())
    (x,) = example_inputs(flat, 1, CPU, torch.float32)
    with torch.no_grad():
        assert torch.equal(plain(x), written(x))


def test_devices_and_words_that_are_none():
    with pytest.raises(RuleError, match="measured on 'cpu' or 'cuda'"):
        load("lenet5").verify_memory("meta")
    for word in ({"mode": "train"}, {"optimizer": "adm"}, {"dtype": "float23"}):
        ((what, value),) = word.items()
        with pytest.raises(RuleError, match=f"^unknown {what} '{value}'; did you mean"):
            load("lenet5").memory(**word)  # type: ignore[arg-type]
    with pytest.raises(RuleError, match=r"^dtype: 'int8' is not one that networks are trained in"):
        load("lenet5").memory(mode="training", dtype="int8")


def test_memory_that_is_not_there_is_not_taken(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1000)
    verification = load("lenet5").verify_memory("cpu")
    assert verification.notes[0].startswith("not run on cpu: it takes about ")
    assert verification.totals == ()


def test_autograd_adds_in_place_as_the_ledger_lets_it():
    """Without any mode, by the allocator's own events: the input, the output, and two gradients, not three."""
    layers = "layers:\n  - layer_scale\n  - add: {main: [roll: {shift: 1}], skip: []}\n"
    text = "archtool: 1\nname: net\ninput: [4, 999]\n" + layers
    flat = load(text).flat()
    predicted = run_through(flat, Units(1, 4), training=True).heap.peak
    network = realize(flat)
    (x,) = example_inputs(flat, 1, CPU, torch.float32)
    assert predicted == measure(network, [x], OPTIMIZERS["sgd"]).live
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        y = network(x)
        Loss.apply(y).backward(torch.empty(0))
    live = peak = x.nbytes
    for size in allocations(record):
        live += size
        peak = max(peak, live)
    assert predicted // x.nbytes == 4
    assert 0 <= peak - predicted <= 64  # a handful of numbers besides


def allocations(record: Any) -> list[int]:
    """What was allocated and freed, in order."""
    found = []
    waiting = list(record.profiler.kineto_results.experimental_event_tree())
    while waiting:
        node = waiting.pop()
        waiting += node.children
        if node.tag == torch._C._profiler._EventType.Allocation:
            found.append((node.start_time_ns, node.extra_fields.alloc_size))
    return [size for _, size in sorted(found)]


# --- random networks ------------------------------------------------------------------------------------------------

STEPS = (
    "conv: {out: 4, kernel: 3, padding: half}",
    "batch_norm",
    "relu",
    "silu",
    "relu6",
    "sigmoid",
    "dropout",
    "max_pool: {kernel: 3, stride: 1, padding: half}",
    "avg_pool: {kernel: 3, stride: 1, padding: half}",
    "layer_scale",
    "group_norm: {groups: 2}",
    "roll: {shift: 1}",
)
steps = st.sampled_from(STEPS)
joins = st.sampled_from(["add", "multiply", "subtract", "maximum"])


def body(depth: int) -> st.SearchStrategy[list[Any]]:
    """Steps that keep the shape, joins of them among them."""
    if depth == 0:
        return st.lists(steps, max_size=3)
    paths = st.lists(body(depth - 1), min_size=2, max_size=3)
    return st.lists(st.one_of(steps, st.tuples(joins, paths)), min_size=1, max_size=4)


def written(parts: list[Any], indent: str) -> str:
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += f"{indent}- {part}\n"
            continue
        join, paths = part
        text += f"{indent}- {join}:\n"
        for index, path in enumerate(paths):
            inner = written(path, indent + "      ")
            text += f"{indent}    p{index}:" + (f"\n{inner}" if path else " []\n")
    return text


@given(parts=body(2), batch=st.integers(1, 3), training=st.booleans(), in_place=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_networks_take_what_is_predicted(parts: list[Any], batch: int, training: bool, in_place: bool):
    text = "archtool: 1\nname: net\ninput: [4, 5, 6]\nlayers:\n  - conv: {out: 4, kernel: 1}\n" + written(parts, "  ")
    assert differences(load(text).flat(), batch, training, in_place) == []
