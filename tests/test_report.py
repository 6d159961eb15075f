"""A report's parts agree with each other: rows, the tree, totals, other forms."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from archtool import RuleError, load
from archtool.analysis.catalog import shipped_designs
from archtool.cost import MACS, TERMS
from archtool.layer import find
from archtool.render.lines import row_of

COSTS = ("params", "macs", "flops", "activations")
GATED = """
name: gated
input: [8, 16, 16]
layers:
  - conv: {out: 8, kernel: 3, padding: half}
  - multiply:
      same: []
      gate: [global_avg_pool, sigmoid]
"""


@pytest.fixture(params=[pytest.param(design, id=f"{file}-{design.name}") for file, design in shipped_designs()])
def report(request):
    return request.param.analyze()


def test_rows_add_up_to_the_totals(report):
    for cost in COSTS:
        assert sum(getattr(row, cost) for row in report.rows) == getattr(report.totals, cost)


def test_every_group_of_the_tree_holds_what_is_in_it(report):
    totals = report.totals
    assert {cost: getattr(row_of(report, report.tree()), cost) for cost in COSTS} == {
        cost: getattr(totals, cost) for cost in COSTS
    }
    for branch in report.tree().walk():
        if branch.children:
            inside = [row_of(report, child) for child in branch.children]
            own = row_of(report, branch)
            assert sum(row.params for row in inside) == own.params
            assert sum(row.macs for row in inside) == own.macs
            joins = branch.layer is not None  # whose own output is counted beside its paths
            assert (sum(row.activations for row in inside) < own.activations) is joins


def test_terms_are_known_and_hold_the_macs(report):
    operations = report.totals.operations
    assert set(operations) <= set(TERMS)
    assert sum(operations.get(term, 0) for term in MACS) == report.totals.macs
    assert report.totals.flops == 2 * report.totals.macs


def test_the_last_row_is_the_output(report):
    assert report.rows[-1].output == report.output
    assert report.rows[-1].receptive_field == report.totals.receptive_field


def test_names_of_rows_are_unique(report):
    names = [row.name for row in report.rows]
    assert len(set(names)) == len(names)


def test_a_batch_multiplies_what_it_should(report):
    many = report.design.analyze(batch=7)
    assert many.totals.params == report.totals.params
    for cost in ("macs", "flops", "activations"):
        assert getattr(many.totals, cost) == 7 * getattr(report.totals, cost)
    assert many.totals.operations == {term: 7 * count for term, count in report.totals.operations.items()}
    assert many.totals.receptive_field == report.totals.receptive_field


def is_conv(kind: str) -> bool:
    return kind in ("depthwise_conv", "pointwise_conv") or find(kind).is_conv


def test_conv_activations_are_those_of_convolutions_and_linear_layers(report):
    conv = report.design.analyze(acts="conv")
    expected = sum(row.activations for row in report.rows if is_conv(row.kind))
    assert conv.totals.activations == sum(row.activations for row in conv.rows) == expected


def test_dict_is_json(report):
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()


@pytest.mark.parametrize("name", ["resnet50", "squeezenet"])
def test_data_frame(name):
    pandas = pytest.importorskip("pandas")
    report = load(name).analyze()
    frame = report.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(report.rows[0].to_dict())
    assert len(frame) == len(report.rows)
    assert int(frame["macs"].sum()) == report.totals.macs
    assert frame["params"].dtype == "int64"


class Balanced(HTMLParser):
    """Checks that tags close in order, and gathers the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_notebook_display():
    page = Balanced()
    page.feed(load(GATED.replace("gated", "a <b> & c")).analyze()._repr_html_())
    page.close()
    assert page.open == []
    assert "a <b> & c: 8x16x16" in page.text
    assert "global_avg_pool" in page.text


def test_shown_in_a_console():
    assert repr(load("resnet50").analyze()) == "<report of resnet50: 25,557,032 params, 4,089,184,256 macs>"


def test_reports_do_not_change():
    report = load(GATED).analyze()
    for frozen, name in (
        (report.totals, "params"),
        (report.rows[0], "params"),
        (report.totals.receptive_field, "size"),
    ):
        with pytest.raises(AttributeError):
            setattr(frozen, name, 0)


def test_three_states_of_a_field():
    by_name = {row.name: row.receptive_field for row in load(GATED).analyze().rows}
    states = {name.split(".")[-1]: (field.is_local, field.is_global) for name, field in by_name.items()}
    assert states == {
        "conv": (True, False),
        "global_avg_pool": (False, True),
        "sigmoid": (False, True),
        "multiply": (True, True),
    }
    assert by_name["multiply"].size == (3, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch"),
        ({"dtype": "float33"}, "did you mean 'float32'"),
        ({"acts": "some"}, "acts is 'all' or 'conv', not 'some'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(RuleError, match=message):
        load(GATED).analyze(**options)


# --- notes ------------------------------------------------------------------------------------------------------


def notes(layers: str, size: int = 33) -> str:
    return "\n".join(load(f"input: [8, {size}, {size}]\nlayers:\n{layers}").analyze().notes)


def test_a_small_local_network_needs_no_note_but_the_terms():
    assert notes("  - relu\n") == (
        "flops are 2 for each multiply-accumulate and nothing else; not counted: activation 8.71 k"
    )
    assert notes("  - conv: {out: 4, kernel: 3, bias: false}\n") == ""


def test_note_of_a_field_larger_than_the_input():
    assert "the receptive field (9x9) is larger than the input (8x8)" in notes(
        "  - conv: {out: 8, kernel: 9, padding: half}\n", 8
    )
    assert "larger" not in notes("  - conv: {out: 8, kernel: 9, padding: half}\n", 9)


def test_note_of_the_first_layer_that_sees_everything():
    assert "from global_avg_pool on, each output sees everything" in notes(
        "  - relu\n  - global_avg_pool\n  - flatten\n"
    )
    assert "from multiply on, each output sees everything, beside its local field" in "\n".join(
        load(GATED).analyze().notes
    )


def test_note_of_paths_that_are_not_aligned():
    layers = (
        "  - concat:\n      a: [conv: {out: 8, kernel: 2, stride: 2}]\n      b: [max_pool: {kernel: 1, stride: 2}]\n"
    )
    assert "paths are not aligned at concat (centres 0.5 px apart)" in notes(layers, 32)
    assert "not aligned" not in notes(layers.replace("kernel: 2", "kernel: 1"), 32)


@pytest.mark.parametrize("batch", [0, -1, 2.5, "4", True])
def test_a_batch_is_a_whole_number(batch):
    with pytest.raises(RuleError, match="whole number of at least 1"):
        load("lenet5").analyze(batch=batch)


def test_a_knob_may_be_a_number_of_numpy():
    np = pytest.importorskip("numpy")
    wide = load("resnet50", width=np.int64(32)).analyze().totals
    assert wide == load("resnet50", width=32).analyze().totals
    assert load("mobilenet_v1", width=np.float64(0.25)).analyze().totals.params == 470072  # published, see test_zoo
