"""Unproductive convolutions: rfa_toolbox's own answers, pinned, and its code where it is installed."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.analysis.unproductive import CONVOLVES

# rfa_toolbox 1.7.0, obtain_border_layers of its own vgg16, resnet18 and resnet50: its convolutions by their numbers,
# each block's three by three
BORDERS = [
    ("vgg16", 32, [f"stage.{s}.conv3.{t}.conv" for s, t in [(2, 2), (3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (4, 2)]]),
    (
        "resnet18",
        32,
        [
            "stage.2.block.0.add.main.conv2",
            *(f"stage.2.block.1.add.main.conv{n}" for n in (1, 2)),
            *(f"stage.3.block.{t}.add.main.conv{n}" for t in (0, 1) for n in (1, 2)),
        ],
    ),
    ("vgg16", 224, []),
    ("resnet50", 224, []),
]


@pytest.mark.parametrize(("name", "res", "layers"), BORDERS)
def test_published(name, res, layers):
    found = load(name, res=res).unproductive()
    assert [layer.name for layer in found.layers] == layers


def test_costs_are_those_of_the_report():
    design = load("vgg16", res=32)
    found, report = design.unproductive(), design.analyze()
    rows = {row.name: row for row in report.rows}
    assert [(layer.params, layer.macs) for layer in found.layers] == [
        (rows[layer.name].params, rows[layer.name].macs) for layer in found.layers
    ]
    assert (found.params, found.macs) == (report.totals.params, report.totals.macs)
    assert found.idle_params == sum(rows[layer.name].params for layer in found.layers)
    assert found.convolutions == 13


def test_a_path_around_keeps_a_layer_productive():
    """The smallest path counts: behind a shortcut the 5x5 sees little of what it could."""
    text = """\
input: [4, 9, 9]
layers:
  - conv: {out: 4, kernel: 9, padding: 4}
    name: whole
  - add: {main: [conv: {out: 4, kernel: 5, padding: 2}], skip: %s}
    name: join
  - conv: {out: 4, kernel: 3, padding: 1}
    name: last
"""
    names = [layer.name for layer in load(text % "[]").unproductive().layers]
    assert names == ["whole", "join.main.conv", "last"]
    assert [layer.why for layer in load(text % "[]").unproductive().layers] == ["window", "paths", "paths"]
    around = "[{conv: {out: 4, kernel: 1}, at: input}]"
    assert [layer.name for layer in load(text % around).unproductive().layers] == ["whole", "join.main.conv"]


def test_a_path_that_just_spans_the_image_needs_a_wider_one():
    """Four windows of 3 span an image of 9: a 1x1 behind them sees no more, a 3x3 more than the image."""
    text = """\
input: [4, 9, 9]
layers:
  - conv: {out: 4, kernel: 3, padding: 1}
    repeat: 4
  - conv: {out: 4, kernel: 1}
    name: point
  - conv: {out: 4, kernel: 3, padding: 1}
    name: window
"""
    assert [(layer.name, layer.narrow) for layer in load(text).unproductive().layers] == [("window", (9, 9))]


def test_gates_are_no_image_any_more():
    """A squeeze-excite gate's convolutions behind its pooling are left out, those of the path beside it are not."""
    text = """\
input: [4, 9, 9]
layers:
  - conv: {out: 4, kernel: 11, padding: 5}
  - multiply: {it: [conv: {out: 4, kernel: 3, padding: 1}], gate: [global_avg_pool, conv: {out: 4, kernel: 1}]}
"""
    assert [layer.name for layer in load(text).unproductive().layers] == ["conv", "multiply.it.conv"]


def distinct(infos):
    """Paths of one size and stride are one."""
    return tuple({*infos})


@pytest.mark.parametrize("name", ["vgg16", "resnet18", "resnet50", "googlenet", "densenet121"])
@pytest.mark.parametrize("res", [32, 64, 160])
def test_rfa_toolbox_says_the_same(name, res):
    """Its rule on our graph, up to the head, or to maps of one position, where our strides are 0."""
    graphs = pytest.importorskip("rfa_toolbox.graphs")
    design = load(name, res=res)

    def node(label, kernel, stride, sources):
        info = graphs.LayerDefinition(name=label, kernel_size=kernel, stride_size=stride)
        return graphs.EnrichedNetworkNode(
            name=label, layer_info=info, predecessors=sources, receptive_field_info_filter=distinct
        )

    nodes, compared = {0: node("input", 1, 1, [])}, {}
    for layer in design.flat().layers:
        run = layer.run
        if run.field.is_global or 1 in run.output.spatial or not run.output.spatial:
            break
        window = None if run.layer.is_join else run.layer.window(run.inputs[0])
        kernel, stride = (1, 1) if window is None else (window[0].size, window[0].stride)
        nodes[layer.target] = node(layer.name, kernel, stride, [nodes[source] for source in layer.sources])
        if CONVOLVES in run.cost.operations:
            compared[layer.name] = nodes[layer.target].is_border(res)
    assert len(compared) > 7
    assert any(compared.values()) or res > 32
    found = {layer.name for layer in design.unproductive().layers}
    assert {name: name in found for name in compared} == compared
