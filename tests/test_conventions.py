"""FLOP conventions: each preset prints what its tool prints; a file of one's own is read strictly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from archtool import RuleError, SpecError, load
from archtool.analysis.operations.convention import events
from archtool.analysis.operations.conventions import convention, names, shipped_conventions
from archtool.analysis.operations.measures import MEASURES
from archtool.analysis.tally import tally
from archtool.cost import MACS, TERMS
from archtool.flatten import flatten
from archtool.layer import find, kinds
from archtool.render.conventions import measures_table, page, rules_table

FILE = json.loads((Path(__file__).parent / "published" / "flop_tools.json").read_text())
PUBLISHED = FILE["totals"]
NETWORKS = ("resnet50", "mobilenet_v2", "lenet5", "squeezenet1_0", "bottleneck")
MINE = "about: mine\nunit: flops\nweights:\n"


@pytest.mark.parametrize(("model", "name"), [(model, name) for model, totals in PUBLISHED.items() for name in totals])
def test_a_preset_prints_what_its_tool_prints(model, name):
    assert load(model).flops(name).totals == (PUBLISHED[model][name],)
    assert load(model).analyze(convention=name).totals.flops == PUBLISHED[model][name]


@pytest.mark.parametrize("row", FILE["layers"], ids=lambda row: row["torch"])
def test_a_preset_prints_what_its_tool_prints_for_one_layer(row):
    found = load(f"input: {row['input']}\nlayers:\n  - {row['layer']}\n").flops(*row["totals"])
    assert dict(zip(row["totals"], found.totals, strict=True)) == row["totals"]


def test_all_presets_are_there_and_all_but_our_own_are_pinned():
    asked = "archtool macs torch fvcore ptflops ptflops-aten thop calflops torchinfo pycls torchlens"
    assert set(names()) >= set(asked.split())
    assert set(names()) - {"archtool", "macs"} == set(PUBLISHED["resnet50"])


@pytest.mark.parametrize("each", list(shipped_conventions()), ids=lambda each: each.name)
def test_a_preset_says_what_it_counts_and_where_that_is_written(each):
    assert len(each.about) > 40
    assert each.about.endswith(".")
    assert each.source
    assert each.name in ("archtool", "macs") or (each.source.startswith("https://") and each.version)


def test_the_default_is_two_for_each_multiply_add():
    assert convention("archtool").weights == dict.fromkeys(MACS, 2)
    assert convention("macs").weights == dict.fromkeys(MACS, 1)
    report = load("resnet50").analyze()
    assert report.totals.flops == load("resnet50").flops("archtool").total("archtool") == 2 * report.totals.macs


def test_what_is_called_as_a_function_is_missed_by_who_hooks_modules():
    text = "input: [8, 7, 7]\n{}layers: [global_avg_pool]\n"
    module, function = load(text.format("")), load(text.format("functional: [global_avg_pool]\n"))
    assert module.flops("thop", "ptflops", "fvcore").totals == (8 * 50, 2 * 8 * 49, 8 * 49)
    assert function.flops("thop", "ptflops", "fvcore").totals == (0, 8 * 49, 8 * 49)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[rellu]", "2:14: 'rellu' is no layer kind; did you mean 'relu'"),
        ("relu", "2:13: 'functional' is a list of layer kinds, like "),
        ("[[relu]]", "2:14: this is no layer kind"),
    ],
)
def test_functions_are_named_by_their_kinds(value, message):
    with pytest.raises(SpecError, match=message):
        load(f"input: [8, 7, 7]\nfunctional: {value}\nlayers: [relu]\n")


# --- laws ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_the_total_is_the_sum_over_all_layers(name):
    design = load(name)
    found = design.flops(batch=3)
    functional = design.spec.functional
    for each, total in zip(found.conventions, found.totals, strict=True):
        assert total == 3 * sum(each.price(layer.run, functional) for layer in flatten(design.run))


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_of_the_reconciliation_add_up(name):
    found = load(name).flops()
    for index, total in enumerate(found.totals):
        assert sum(row.amounts[index] for row in found.rows) == total


@pytest.mark.parametrize("each", ["fvcore", "thop", "torchinfo", "torchlens"])
@pytest.mark.parametrize("depth", [None, 1, 2])
def test_rows_of_a_report_add_up_under_any_convention(each, depth):
    from archtool.render.lines import ordered_rows

    report = load("resnet50").analyze(convention=each, batch=2)
    assert (
        sum(row.flops for row in ordered_rows(report, depth)) == report.totals.flops == 2 * PUBLISHED["resnet50"][each]
    )


def test_the_tally_counts_layers_of_any_depth():
    deep = load("input: [8, 9]\nlayers:\n  - do: [conv: {out: 8, kernel: 1}, relu]\n    repeat: 10**12\n")
    assert {run.kind: times for run, times in tally(deep.run)} == {"conv": 10**12, "relu": 10**12}
    assert deep.flops("torchlens").totals == (10**12 * (2 * 576 + 72 + 72),)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_tally_is_that_of_the_layers_one_by_one(name):
    design = load(name)
    counted = {id(run): times for run, times in tally(design.run)}
    for layer in flatten(design.run):
        counted[id(layer.run)] -= 1
    assert set(counted.values()) == {0}


def test_reports_without_a_convention_stay_as_they_were():
    plain, asked = (load("lenet5").analyze(convention=each).to_dict() for each in (None, "archtool"))
    assert "convention" not in plain
    assert asked.pop("convention") == {"name": "archtool", "unit": "flops"}
    plain.pop("notes"), asked.pop("notes")
    assert plain == asked


def test_measures_are_what_they_say():
    ((run, _),) = tally(load("input: [8, 9, 6]\nlayers: [conv: {out: 12, kernel: [3, 2], groups: 4}]").run)
    found = {name: events(run, f"conv.{name}") for name, measure in MEASURES.items() if measure.fits(find("conv"))}
    assert found == {
        "inputs": 8 * 54,
        "outputs": 12 * 35,
        "params": 12 * 2 * 6 + 12,
        "weights_at_outputs": 12 * 2 * 6 * 35,
        "kernel_as_written": 12 * 35 * 6,
        "products": 12 * 2 * 6 * 35,
        "additions": 12 * 35,
        "ungrouped": 12 * 8 * 6 * 35,
        "grouped_twice": 0,
    }


def test_a_kernel_written_as_one_number_counts_once():
    ((run, _),) = tally(load("input: [8, 9, 6]\nlayers: [max_pool: {kernel: 3, stride: 1}]").run)
    assert events(run, "max_pool.kernel_as_written") == 8 * 7 * 4 * 3


@pytest.mark.parametrize(("fields", "rows"), [("{}", 30), ("{groups: 4}", 120), ("{over: positions}", 8)])
def test_a_softmax_has_a_row_for_each_sum(fields, rows):
    """thop prices n exponentials, n - 1 additions and n divisions a row."""
    design = load(f"input: [8, 5, 6]\nlayers: [softmax: {fields}]")
    assert events(tally(design.run)[0].run, "softmax.rows") == rows
    assert design.flops("thop").totals == (3 * 240 - rows,)


@pytest.mark.parametrize(
    ("marker", "table"),
    [("measures", measures_table), ("rules", rules_table), ("conventions", lambda: page(shipped_conventions()))],
)
def test_the_docs_have_every_measure_rule_and_convention(request, marker, table):
    path = Path(__file__).parents[1] / "docs" / "conventions.md"
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {marker} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    if request.config.getoption("--overwrite"):
        path.write_text(text[: found.start(1)] + table() + text[found.end(1) :], encoding="utf-8")
        return
    assert found[1] == table(), "docs/conventions.md lacks something; --overwrite renews it"


# --- files of one's own ----------------------------------------------------------------------------------------


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE + "  conv.macs: 1/3\n  tanh.outputs: 0.25\n")
    mine = convention(path)
    assert (mine.name, dict(mine.weights)) == ("mine", {"conv.macs": Fraction(1, 3), "tanh.outputs": Fraction(1, 4)})
    found = load("lenet5").flops(path)
    assert found.total("mine") == 405_600 // 3 + Fraction(6_508, 4)
    assert load("lenet5").analyze(convention=str(path)).totals.flops == 405_600 // 3 + 6_508 / 4
    with pytest.raises(RuleError, match="did you mean 'mine'"):
        found.total("mime")


BAD = [
    ("  conv.mac: 2\n", "4:3: 'conv.mac' is neither a cost term nor a measure .* did you mean 'conv.macs'?"),
    ("  rellu.outputs: 2\n", "4:3: 'rellu.outputs' is neither .* did you mean 'relu.outputs'?"),
    ("  xyz: 2\n", "4:3: 'xyz' is neither a cost term nor a measure of a layer kind; allowed: activation, "),
    ("  relu.grouped_twice: 2\n", "4:3: relu.grouped_twice: 'grouped_twice' is of layers with 'groups'"),
    ("  conv.macs: 2\n  conv.macs: 3\n", "5:3: the key 'conv.macs' stands twice, on lines 4 and 5"),
    ("  conv.macs: two\n", "4:14: conv.macs: 'two' is not a number like 2, 0.5 or 1/3"),
    ("  conv.macs: '2'\n", "4:14: conv.macs: '2' is not a number"),
    ("  conv.macs: 1/0\n", "4:14: conv.macs: '1/0' is not a number"),
    ("  conv.macs: 1e9\n", "4:14: conv.macs: '1e9' is not a number"),
    ("  conv.macs: [2]\n", "4:14: conv.macs: this is not a number"),
    ("  conv.macs: 2\nunits: 3\n", "5:1: a convention has no key 'units'; did you mean 'unit'?"),
    ("  conv.macs: 2\nlimits: no\n", "5:9: 'limits' is a list"),
    ("  conv.macs: 2\nfaults: [{name: a, about: b}]\n", "5:10: a fault needs 'excess'"),
    ("  conv.macs: 2\nfaults: [{name: a, about: b, excess: {conv.macs: 1}, scope: run}]\n", "5:61: 'run' is no scope"),
    ("  conv.macs: 2\nfaults: [3]\n", "5:10: a fault is a mapping with the keys name, about, excess, scope"),
    ("  conv.macs: 2\nfunctional: 3\n", "5:13: weights are a mapping from terms to numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_file_is_a_located_error(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(MINE + text)
    with pytest.raises(SpecError, match=message.replace("?", r"\?").replace("[", r"\[")) as error:
        convention(path)
    assert str(error.value).startswith(f"{path}:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("about: a\nunit: flops\n", "1:1: a convention needs 'weights'"),
        ("about: a\nunit: flop\nweights: {}\n", "2:7: 'flop' is no unit; it is multiply-adds, flops or operations"),
        ("about: ''\nunit: flops\nweights: {}\n", "1:8: this must be a text"),
    ],
)
def test_a_file_says_what_it_counts_in(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        convention(path)


def test_an_unknown_name_is_refused():
    with pytest.raises(SpecError, match="'fvcor' is neither a convention nor a YAML file; did you mean 'fvcore'"):
        load("lenet5").analyze(convention="fvcor")


def test_two_of_one_name_are_refused(tmp_path):
    path = tmp_path / "thop.yaml"
    path.write_text(MINE + "  conv.macs: 1\n")
    with pytest.raises(RuleError, match="two of these conventions are called 'thop'"):
        load("lenet5").flops("thop", path)


def test_who_asks_for_no_convention_reads_none():
    code = "import sys, archtool; archtool.load('lenet5').analyze().rows; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "archtool.analysis.report" in loaded
    assert not [name for name in loaded if "convention" in name or name == "archtool.analysis.tally"]


def test_a_notebook_shows_the_prices():
    assert "<th>FLOPs</th>" in load("lenet5").analyze(convention="thop")._repr_html_()
    assert "<th>FLOPs</th>" not in load("lenet5").analyze()._repr_html_()


def test_terms_and_measures_do_not_collide():
    assert not {f"{kind}.{measure}" for kind in kinds() for measure in MEASURES} & set(TERMS)
    assert all(MEASURES["outputs"].fits(find(kind)) for kind in ("relu", "conv", "add"))
