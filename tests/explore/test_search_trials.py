"""Search by measuring: users' functions and scores, within the budget, kept in files, whatever fails."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import optuna
import pytest

from archtool import load
from archtool.errors import RuleError
from archtool.explore.fronts.front import front
from archtool.explore.search.functions import UserFunction
from archtool.explore.search.request import request
from archtool.explore.search.searching import search
from archtool.explore.search.storage import StorageError
from archtool.explore.storing.run import Watch

CALLS: list[str] = []  # designs that were measured, by their knobs
BROKEN = SimpleNamespace(after=None)  # how many calls go well

# A long way to any budget: most designs are outside.
OVER = {"width": "8..64:8", "depths[0]": "1..4", "depths[1]": "1..4", "res": [96, 128, 160]}


def cost(design):
    CALLS.append(str(sorted(design.knobs.items())))
    if BROKEN.after is not None and len(CALLS) > BROKEN.after:
        raise KeyboardInterrupt
    return design.analyze().totals.macs / 1e6


def moody(design):
    macs = cost(design)
    if "1" in design.knobs["depths"]:
        raise OSError("the device\nis gone")
    return macs


def several(design):
    totals = design.analyze().totals
    return {"speed": 1e9 / totals.macs, "size": totals.params}


def useless(design):
    return "fast"


def undefined(design):
    return float("nan")


def width(design):
    return 1


class Rated:
    def __call__(self, design):
        return 1


rated = Rated()
number = 5


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """This module by a name that a path can have."""
    monkeypatch.setitem(sys.modules, "mine", sys.modules[__name__])
    CALLS.clear()
    BROKEN.after = None


def asked(**options):
    defaults = {"objectives": ["mine:cost"], "minimize": ["cost"], "maximize": ["receptive_field"], "evaluations": 25}
    sweep = load("resnet18").explore(OVER, metrics=["params"])
    return request(sweep, **{"budget": "params <= 3M", **defaults, **options})


@pytest.mark.parametrize("algorithm", ["tpe", "nsga2", "nsga3"])
def test_only_designs_within_the_budget_are_measured_and_each_once(algorithm):
    found = search(asked(algorithm=algorithm, population=8))
    counts = found.archive.counts
    assert len(CALLS) == len(set(CALLS)) == found.evaluations == counts.kept == 25
    rows = found.table.to_pylist()
    assert max(row["params"] for row in rows) <= 3_000_000
    for row in rows[::8]:
        knobs = {"width": row["width"], "depths": [row["depths[0]"], row["depths[1]"], 2, 2], "res": row["res"]}
        totals = load("resnet18", **knobs).analyze().totals
        assert (row["cost"], row["params"]) == (totals.macs / 1e6, totals.params)
    best = found.front.to_pylist()
    assert [row["cost"] for row in best] == sorted(row["cost"] for row in best)
    assert [row["receptive_field"] for row in best] == sorted(row["receptive_field"] for row in best)


def test_the_same_seed_measures_the_same():
    first, again, other = (search(asked(seed=seed, evaluations=15)).table for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_a_design_that_can_not_be_measured_fails_alone():
    found = search(asked(objectives=["mine:moody"], minimize=["moody"]))
    counts = found.archive.counts
    assert counts.failed > 0 < counts.kept
    assert counts.failed + counts.kept == found.evaluations == 25 == len(set(CALLS))
    assert found.archive.failure == "moody raised OSError: the device is gone"
    assert all(row["depths[0]"] > 1 for row in found.table.to_pylist())


def test_a_function_may_answer_several_numbers():
    found = search(asked(objectives=["mine:several"], minimize=["size"], maximize=["speed"], evaluations=5))
    row = found.table.to_pylist()[0]
    assert row["size"] == row["params"]
    assert found.request.describe()["maximize"] == ["speed"]
    both = search(
        asked(objectives=["mine:several", "mine:cost"], minimize=["cost", "size"], maximize=[], evaluations=3)
    )
    assert {"cost", "size"} <= set(both.table.column_names)


@pytest.mark.parametrize("name", ["search.journal", "search.db"])
def test_a_search_goes_on_from_its_file(tmp_path, name):
    path = tmp_path / name
    first = search(asked(evaluations=12), path)
    assert first.evaluations == 12
    second = search(asked(evaluations=20), path, resume=True)
    assert (second.evaluations, second.archive.before, len(CALLS)) == (20, 12, 20)
    assert len(set(CALLS)) == 20, "nothing is measured again"
    assert second.table.slice(0, 12).equals(first.table)
    again = search(asked(evaluations=20), path, resume=True)
    assert len(CALLS) == 20
    assert again.table.equals(second.table)
    with pytest.raises(StorageError, match=r"budget:.*params <= 3M.*there,.*params <= 2M.*asked for"):
        search(asked(budget="params <= 2M"), path, resume=True)
    with pytest.raises(StorageError, match="--resume goes on with it, --force begins anew"):
        search(asked(), path)
    assert search(asked(evaluations=4), path, force=True).evaluations == 4


@pytest.mark.parametrize("name", ["search.journal", "search.db"])
def test_an_interrupted_measurement_is_no_loss(tmp_path, name):
    BROKEN.after = 6
    part = search(asked(), tmp_path / name)
    assert (part.evaluations, part.is_complete) == (6, False)
    BROKEN.after = None
    rest = search(asked(evaluations=9), tmp_path / name, resume=True)
    assert (rest.evaluations, rest.is_complete) == (9, True)
    assert rest.table.slice(0, 6).equals(part.table)


def test_a_trial_that_a_dead_process_left_running_has_failed(tmp_path):
    path = tmp_path / "search.journal"
    search(asked(evaluations=3), path)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    study = optuna.load_study(study_name="archtool", storage=storage)
    study.ask()
    assert search(asked(evaluations=5), path, resume=True).evaluations == 5
    states = [trial.state for trial in study.get_trials()]
    assert optuna.trial.TrialState.RUNNING not in states
    assert {"knobs", "measured"} <= study.best_trials[0].user_attrs.keys()


def test_failures_stay_failures(tmp_path):
    path = tmp_path / "search.journal"
    first = search(asked(objectives=["mine:moody"], minimize=["moody"]), path)
    calls = len(CALLS)
    again = search(asked(objectives=["mine:moody"], minimize=["moody"]), path, resume=True)
    assert again.archive.counts == first.archive.counts
    assert len(CALLS) == calls


class Never(Watch):
    def go_on(self):
        return False


def test_a_search_may_be_ended_between_designs():
    found = search(asked(), watch=Never())
    assert (found.evaluations, found.is_complete) == (0, False)


def test_a_space_is_exhausted_and_said_to_be():
    over = {"width": [8, 16], "res": [96, 128]}
    found = search(request(load("resnet18").explore(over), objectives=["mine:cost"], minimize=["cost"], maximize=[]))
    assert (found.evaluations, len(CALLS), found.is_complete) == (4, 4, True)
    CALLS.clear()
    narrow = search(asked(budget="params <= 238k"))  # two depths at the least width, at three resolutions
    assert (narrow.exhausted, narrow.evaluations, len(CALLS)) == (True, 6, 6)


def test_a_budget_that_hardly_any_design_meets_is_met_all_the_same():
    """A few of 17 million, found by formulas alone before anything is measured."""
    sweep = load("resnet_family").explore({f"widths[{index}]": "8..512:8" for index in range(4)}, metrics=["params"])
    options = {"objectives": ["mine:cost"], "minimize": ["cost"], "maximize": [], "evaluations": 2}
    found = search(request(sweep, budget="params <= 76_104", **options))
    found.check()
    assert found.evaluations == len(CALLS) == 2


def test_nothing_is_measured_where_no_design_is_within_the_budget():
    found = search(asked(budget="params <= 10"))
    with pytest.raises(RuleError, match=r"meets the budget; the nearest has params [\d,]+ \(params <= 10\)"):
        found.check()
    assert not CALLS


def test_a_function_that_always_fails_is_told():
    found = search(asked(objectives=["mine:useless"], minimize=["useless"], evaluations=3))
    with pytest.raises(
        RuleError, match=r"none of the .* could be measured; the last failed: useless returned 'fast', which is no"
    ):
        found.check()
    found = search(asked(objectives=["mine:undefined"], minimize=["undefined"], evaluations=1))
    with pytest.raises(RuleError, match="undefined returned nan"):
        found.check()


def test_an_answer_without_what_is_asked_for_ends_the_search():
    with pytest.raises(
        RuleError, match=r"'sped' is neither a metric nor in the answer of several; did you mean 'speed'"
    ):
        search(asked(objectives=["mine:several"], minimize=["sped"]))


def test_scores_are_measured_too(tmp_path):
    pytest.importorskip("torch")
    sweep = load("lenet5").explore({"classes": "2..60"}, metrics=["params"], minimize=["params"])
    found = search(request(sweep, scores=["synflow"], evaluations=6, seed=2))
    found.write(tmp_path / "found.parquet")
    read = front(tmp_path / "found.parquet")
    assert (read.minimize, read.maximize) == (("params",), ("synflow",))
    assert read.table["synflow"].to_pylist() == found.front["synflow"].to_pylist()
    from archtool.realize.scores import measure

    row = found.table.to_pylist()[0]
    assert row["synflow"] == measure(load("lenet5", classes=row["classes"]), ["synflow"])["synflow"].value
    assert load(read.emit(1)).analyze().totals.params == read.row(1)["params"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("mine.cost", "takes package.module:function, not 'mine.cost'"),
        (":cost", "takes package.module:function"),
        ("there_is_no_such_module:cost", "there is no module 'there_is_no_such_module'$"),
        ("mine:coast", "there is no 'coast' in it; did you mean 'cost'"),
        ("mine:number", "this is no function, but int"),
        ("mine.inner:cost", "there is no module 'mine.inner'"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_before_anything_runs(path, reason):
    with pytest.raises(RuleError, match=reason):
        UserFunction(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import there_is_no_such_module\n", "there is no module 'there_is_no_such_module', which it imports"),
        ("1 / 0\n", "importing 'broken' raised ZeroDivisionError"),
        ("def f(:\n", "importing 'broken' raised SyntaxError"),
    ],
)
def test_a_module_that_can_not_be_imported_is_told(tmp_path, monkeypatch, text, reason):
    (tmp_path / "broken.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuleError, match=reason):
        UserFunction("broken:f")


def test_a_function_itself_is_an_objective_in_python():
    sweep = load("resnet18").explore({"width": "16..64:16"})
    found = sweep.search("params <= 7M", objectives=[cost], minimize=["cost"], maximize=[])
    assert found.evaluations == len(CALLS) == 3
    assert "cost min" in str(found)
    assert "<table" in found._repr_html_()
    with pytest.raises(RuleError, match="the nearest has params"):
        sweep.search("params <= 5", minimize=["macs"])


def test_an_object_that_can_be_called_is_a_function():
    assert UserFunction("mine:rated")(load("lenet5")) == {"rated": 1.0}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"minimize": [], "maximize": []}, "say whether to --minimize or --maximize cost"),
        ({"objectives": ["mine:width"], "minimize": ["width"]}, "'mine:width' has the name of a metric, score or var"),
        ({"algorithm": "exhaustive"}, "cost has to be measured, design by design"),
    ],
)
def test_what_can_not_be_measured_for_is_refused(options, reason):
    with pytest.raises(RuleError, match=reason):
        asked(**options)
    assert not CALLS


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("search.npz", None, r"by optuna, is kept in a file \.journal or"),
        ("search.journal", b"no journal\n", "this is no study that can be used"),
        ("search.db", b"no database", "this is no study that can be used"),
        ("search.journal", b"", "this is no study that can be used"),
    ],
)
def test_a_file_that_holds_no_study_is_refused(tmp_path, name, content, reason):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=reason):
        search(asked(), path, resume=True)
    assert not CALLS
