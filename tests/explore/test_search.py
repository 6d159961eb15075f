"""Search where formulas tell all: fronts as good as the enumerated one, seeds, budgets, states that go on."""

from __future__ import annotations

import json
import sys
from itertools import product

import moocore
import numpy as np
import pytest

from archtool import load
from archtool.errors import MissingExtra, RuleError, SpecError
from archtool.explore.fronts.front import front
from archtool.explore.search.evolution import Evolution
from archtool.explore.search.genes import Genes, is_ordered
from archtool.explore.search.judge import Judge
from archtool.explore.search.request import request
from archtool.explore.search.searching import search
from archtool.explore.search.storage import StorageError
from archtool.explore.storing.run import Watch

FAMILY = {  # 98,304 designs of specs/spaces/resnet_family.yaml
    "widths[0]": "16..64:16", "widths[1]": "32..128:32", "widths[2]": "64..256:64", "widths[3]": "128..512:128",
    "depths[0]": "1..4", "depths[1]": "1..4", "depths[2]": [2, 6], "depths[3]": [1, 2, 4], "res": [96, 160, 224, 288],
}  # fmt: skip

# Of 3 * 4 * 2 * 3 designs those are invalid whose channels the groups do not divide.
GROUPED = """\
name: grouped
input: [12, 8, 8]
vars: {groups: 1, width: 12, kernel: 3, act: relu}
layers:
  - conv: {out: width, kernel: kernel, groups: groups, padding: half}
  - act
"""
OVER = {"groups": [1, 2, 5], "width": [10, 12, 15, 24], "kernel": [3, 5], "act": ["relu", "prelu", "identity"]}


def family(*goals: str, budget: str = "params <= 4M", **options):
    low, high = (
        [goal for goal in goals if goal != "receptive_field"],
        [goal for goal in goals if goal == "receptive_field"],
    )
    sweep = load("resnet_family").explore(FAMILY, metrics=["macs", "params"], minimize=low, maximize=high)
    return request(sweep, budget=budget, **options)


def values(found):
    """The goals of the front, smaller is better."""
    signs = {goal.name: -1 if goal.maximize else 1 for goal in found.request.objectives}
    return np.stack([sign * found.front[name].to_numpy().astype(float) for name, sign in signs.items()], axis=1)


def hypervolume(found, exact):
    """As a share of that of the exact front, in units of its extent, up to 0.1 beyond its worst corner."""
    low, high = values(exact).min(axis=0), values(exact).max(axis=0)
    low, high = low, np.maximum(high, low + 1)
    share = [moocore.hypervolume((values(each) - low) / (high - low), ref=[1.1] * len(low)) for each in (found, exact)]
    return share[0] / share[1]


@pytest.mark.parametrize(
    ("goals", "algorithm", "evaluations"),
    [
        (("macs", "receptive_field"), "nsga2", 6_000),
        (("macs", "params", "receptive_field"), "nsga2", 12_000),
        (("macs", "params", "receptive_field"), "nsga3", 12_000),
    ],
)
def test_the_front_is_as_good_as_the_enumerated_one(goals, algorithm, evaluations):
    exact = search(family(*goals))
    assert exact.request.algorithm == "exhaustive"
    assert exact.evaluations == 98_304
    for seed in range(2):
        found = search(family(*goals, algorithm=algorithm, evaluations=evaluations, seed=seed))
        assert found.evaluations == evaluations
        assert hypervolume(found, exact) > 0.99


def test_no_design_is_evaluated_twice_and_all_found_are_within_the_budget():
    found = search(family("macs", "receptive_field", algorithm="nsga2", evaluations=5_000))
    numbers = found.table["design"].to_pylist()
    counts = found.archive.counts
    assert len(set(numbers)) == len(numbers) == counts.kept
    assert counts.kept + counts.outside == counts.evaluations == 5_000
    assert max(found.table["params"].to_pylist()) <= 4_000_000
    sweep = found.request.sweep
    for number, params in list(zip(numbers, found.table["params"].to_pylist(), strict=True))[::500]:
        assert sweep.batch(number, number + 1).metrics["params"] == [params]


def test_the_same_seed_finds_the_same():
    first, again, other = (
        search(family("macs", "receptive_field", algorithm="nsga2", evaluations=2_000, seed=seed)) for seed in (3, 3, 4)
    )
    assert first.table.equals(again.table)
    assert not first.table.equals(other.table)


class Until(Watch):
    """Ends a search after so many designs."""

    def __init__(self, count):
        self.count, self.done = count, 0

    def go_on(self):
        return self.done < self.count

    def tell(self, done):
        self.done = done


@pytest.mark.parametrize("algorithm", ["nsga2", "nsga3"])
def test_a_restored_evolution_is_the_same_in_every_part(algorithm):
    asked = family("macs", "params", "receptive_field")
    genes = Genes(asked.sweep.space.lengths, [is_ordered(axis) for axis in asked.sweep.space.axes])
    first, second = (
        Evolution(Judge(asked.sweep, asked.goals, asked.bounds), genes, algorithm, 40, seed) for seed in (1, 2)
    )
    for _ in range(3):
        first.step(40)
    told, arrays = first.state()
    second.restore(json.loads(json.dumps(told)), arrays)
    again, restored = second.state()
    assert again == told
    assert restored.keys() == arrays.keys() > ({"ideal_point", "nadir_point"} if algorithm == "nsga3" else {"crowding"})
    for name, array in arrays.items():
        np.testing.assert_array_equal(restored[name], array)


@pytest.mark.parametrize("algorithm", ["nsga2", "nsga3"])
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path, algorithm):
    options = {"algorithm": algorithm, "evaluations": 3_000, "population": 100, "seed": 5}
    goals = ("macs", "params", "receptive_field")
    whole = search(family(*goals, **options))
    state = tmp_path / "search.npz"
    part = search(family(*goals, **options), state, watch=Until(1_000))
    assert (part.evaluations, part.is_complete) == (1_000, False)
    rest = search(family(*goals, **options), state, resume=True)
    assert (rest.evaluations, rest.is_complete, rest.archive.before) == (3_000, True, 1_000)
    assert rest.table.equals(whole.table)
    assert rest.archive.counts == whole.archive.counts
    more = search(family(*goals, **{**options, "evaluations": 3_500}), state, resume=True)
    assert more.evaluations == 3_500
    assert len(set(more.table["design"].to_pylist())) == more.table.num_rows


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"seed": 1}, "seed: 0 there, 1 asked for"),
        ({"budget": "params <= 3M"}, r"budget: \['params <= 4M'\] there, \['params <= 3M'\] asked for"),
        ({"goals": ("params", "receptive_field")}, "minimize: macs there, params asked for"),
    ],
)
def test_the_state_of_another_search_is_refused(tmp_path, changed, reason):
    state = tmp_path / "search.npz"
    options = {"algorithm": "nsga2", "evaluations": 400}
    search(family("macs", "receptive_field", **options), state)
    before = state.read_bytes()
    goals = changed.pop("goals", ("macs", "receptive_field"))
    with pytest.raises(StorageError, match=reason):
        search(family(*goals, **options, **changed), state, resume=True)
    with pytest.raises(StorageError, match="--resume goes on with it, --force begins anew"):
        search(family("macs", "receptive_field", **options), state)
    assert state.read_bytes() == before
    assert search(family(*goals, **options, **changed), state, force=True).evaluations == 400


@pytest.mark.parametrize("content", [b"", b"no state", None])
def test_a_file_that_is_no_state_is_refused_and_nothing_in_it_is_run(tmp_path, content):
    state = tmp_path / "search.npz"
    if content is None:
        np.savez(state, told=np.array([{}], object), allow_pickle=True)
    else:
        state.write_bytes(content)
    with pytest.raises(StorageError, match="this is no state of a search"):
        search(family("macs", algorithm="nsga2"), state, resume=True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("a.db", r"is kept in a file \.npz"), ("missing/a.npz", "there is no folder"), (".", "is kept in a file")],
)
def test_a_place_that_can_not_hold_a_search_is_refused(tmp_path, name, reason):
    with pytest.raises(StorageError, match=reason):
        search(family("macs", algorithm="nsga2"), tmp_path / name)


def grouped(**options):
    return request(load(GROUPED).explore(OVER, minimize=["params"], maximize=["receptive_field"]), **options)


@pytest.mark.parametrize("algorithm", ["auto", "nsga2", "nsga3", "tpe"])
def test_invalid_designs_are_counted_and_never_found(algorithm):
    valid = [over for over in product(*OVER.values()) if 12 % over[0] == 0 and over[1] % over[0] == 0]
    found = search(grouped(algorithm=algorithm, evaluations=72, population=10))
    counts = found.archive.counts
    if algorithm != "tpe":
        assert counts.evaluations == 72
        assert counts.invalid == 72 - len(valid)
    assert counts.kept == found.table.num_rows == len(valid)
    assert found.front.num_rows == 2  # a kernel of 3, and one of 5


@pytest.mark.parametrize(
    "goals", [["params"], ["params", "macs"], ["params", "macs", "activations", "stride", "flops"]]
)
@pytest.mark.parametrize("population", [2, 3, 40])
def test_any_number_of_goals_and_of_designs_in_a_generation(capsys, goals, population):
    for algorithm in ["nsga2", "nsga3"][: len(goals)]:
        found = search(family(*goals, algorithm=algorithm, population=population, evaluations=90))
        assert found.evaluations == 90
    assert capsys.readouterr().out == ""


def test_a_condition_removes_designs():
    sweep = load(GROUPED).explore(OVER, minimize=["params"], where=["width > 12", "kernel == 3"])
    found = search(request(sweep, algorithm="nsga2", evaluations=72, population=10))
    assert found.archive.counts.removed == 72 - 3 * 2 * 1 * 3
    assert set(found.table["kernel"].to_pylist()) == {3}


def test_what_is_found_is_a_result_of_which_the_front_is_read(tmp_path):
    found = search(family("macs", "receptive_field", algorithm="nsga2", evaluations=2_000))
    for name in ("found.parquet", "found.csv", "found.duckdb"):
        found.write(tmp_path / name)
    read = front(tmp_path / "found.parquet")
    assert (read.minimize, read.maximize) == (("macs",), ("receptive_field",))
    assert read.sharing == found.sharing
    assert read.table["design"].to_pylist() == found.front["design"].to_pylist()
    emitted = load(read.emit(1)).analyze().totals
    assert (emitted.macs, emitted.params) == (found.front["macs"][0].as_py(), found.front["params"][0].as_py())
    assert read.about["search"]["seed"] == 0
    with pytest.raises(RuleError, match="both minimized and maximized"):
        request(found.request.sweep, minimize=["macs"], maximize=["macs"])


def test_a_space_without_end_can_be_searched():
    text = (
        "name: deep\ninput: [3, 8, 8]\nvars: {c: ["
        + ", ".join(["8"] * 40)
        + "]}\nlayers:\n"
        + "".join(f"  - conv: {{out: 'c[{index}]', kernel: 1}}\n" for index in range(40))
    )
    sweep = load(text).explore({"c": "{each: 40, of: [8, 16, 24, 32]}"}, minimize=["macs"], maximize=["activations"])
    found = search(request(sweep, evaluations=2_000))
    assert found.request.sweep.space.designs == 4**40
    assert found.request.algorithm == "nsga2"
    assert found.table["design"].null_count == found.table.num_rows == 2_000
    assert json.dumps(found.to_dict(3))


def test_metrics_beyond_64_bits_stay_exact(tmp_path):
    text = "name: vast\ninput: [8]\nvars: {a: 1, b: 1}\nlayers:\n  - linear: {out: a}\n  - linear: {out: b}\n"
    over = {"a": "1..4_000_000_000:7", "b": "1..4_000_000_000:7"}
    sweep = load(text).explore(over, metrics=["macs"], minimize=["params"], maximize=["activations"])
    options = {"budget": "macs >= 9e18", "algorithm": "nsga2", "evaluations": 600}
    state = tmp_path / "state.npz"
    search(request(sweep, **options), state, watch=Until(400))
    found = search(request(sweep, **options), state, resume=True)
    assert found.table.equals(search(request(sweep, **options)).table)
    row = found.to_dict()["front"][0]
    totals = load(text, **row["knobs"]).analyze().totals
    assert (row["metrics"]["macs"], row["metrics"]["params"]) == (totals.macs, totals.params)
    assert json.dumps(found.to_dict())
    with pytest.raises(RuleError, match=r"the nearest has macs 1\d,\d{3},[\d,]+ \(macs >= 9e19\)"):
        sweep.search("macs >= 9e19", algorithm="nsga2", evaluations=600)


@pytest.mark.parametrize(
    ("options", "algorithm", "why"),
    [
        ({}, "nsga2", "100,663,296 designs, more than"),
        ({"minimize": ["macs", "params", "activations"]}, "nsga3", "100,663,296 designs, more than"),
        ({"algorithm": "nsga3"}, "nsga3", "asked for"),
        ({"algorithm": "tpe"}, "tpe", "asked for"),
        ({"scores": ["zen"]}, "tpe", "zen has to be measured"),
        ({"scores": ["zen", "naswot"]}, "tpe", "zen and naswot have to be measured"),
    ],
)
def test_the_algorithm_is_chosen_and_why_is_told(options, algorithm, why):
    if "scores" in options:
        pytest.importorskip("torch")
    asked = request(load("resnet_family").explore(minimize=["macs"], maximize=["receptive_field"]), **options)
    assert asked.algorithm == algorithm
    assert why in asked.why


@pytest.mark.parametrize(
    ("library", "algorithm"), [("pymoo", "nsga2"), ("pymoo", "nsga3"), ("optuna", "tpe"), ("pyarrow", "nsga2")]
)
def test_a_library_that_is_missing_is_told_before_anything_is_evaluated(monkeypatch, library, algorithm):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"^a .*search.* needs {library} \(.+\): pip install 'archtool\[search\]'$"):
        search(family("macs", algorithm=algorithm, evaluations=10))


def test_a_search_that_has_found_nothing_yet_shows_that():
    found = search(family("macs", algorithm="nsga2"), watch=Until(0))
    assert not found.is_complete
    assert "resnet_family: 0 points on the front found" in str(found)


def test_knobs_that_move_together_are_one_gene():
    over = {"width": [8, 16, 24], "res": [96, 128, 160], "classes": [10, 100]}
    sweep = load("resnet18").explore(over, zipped=[["width", "res"]], minimize=["macs"])
    for algorithm in ("nsga2", "tpe"):
        found = search(request(sweep, algorithm=algorithm, population=2))
        rows = found.table.to_pylist()
        assert sorted((row["width"], row["res"]) for row in rows) == sorted([(8, 96), (16, 128), (24, 160)] * 2)


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"budget": "mac <= 5"}, RuleError, "did you mean 'macs'"),
        ({"budget": "macs == 5"}, RuleError, "is no bound of a budget; write METRIC <= NUMBER"),
        ({"minimize": ["mac"]}, SpecError, "did you mean 'macs'"),
        ({"minimize": [], "maximize": []}, RuleError, "something to --minimize or --maximize"),
        ({"algorithm": "exhaustive"}, RuleError, "100,663,296 designs, more than the 10,000,000 that a search keeps"),
        ({"algorithm": "nsga3", "minimize": ["macs"], "maximize": []}, RuleError, "of which it needs two; take nsga2"),
        ({"algorithm": "annealing"}, RuleError, "there is no algorithm 'annealing'"),
        ({"scores": ["zenn"]}, RuleError, "did you mean 'zen'"),
    ],
)
def test_what_can_not_be_searched_for_is_refused(options, error, reason):
    with pytest.raises(error, match=reason):
        request(load("resnet_family").explore(), **options)


@pytest.mark.parametrize("algorithm", ["exhaustive", "nsga2", "tpe"])
def test_a_budget_that_no_design_meets_is_told_with_the_nearest(algorithm):
    found = search(grouped(budget="params <= 20, receptive_field >= 3", algorithm=algorithm, evaluations=72))
    least = min(search(grouped()).table["params"].to_pylist())
    with pytest.raises(RuleError, match=rf"meets the budget; the nearest has params {least} \(params <= 20\), recept"):
        found.check()


def test_no_valid_design_and_none_left_are_told():
    none = request(load(GROUPED).explore({"groups": [5, 7]}, minimize=["params"]))
    with pytest.raises(
        RuleError, match=r"none of the 2 designs evaluated is valid; a rule that is broken: .*divisible"
    ):
        search(none).check()
    where = request(load(GROUPED).explore(OVER, minimize=["params"], where=["width > 24"]))
    with pytest.raises(RuleError, match="is left by the conditions: 'width > 24' removes 72"):
        search(where).check()
