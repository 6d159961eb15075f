"""A search trial by trial, by Optuna: for designs that have to be measured, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.search.archive import Archive
from archtool.explore.search.designs import design_at, knobs_at
from archtool.explore.search.functions import MeasureError
from archtool.explore.search.genes import Genes, is_ordered
from archtool.explore.search.judge import Judge
from archtool.explore.search.request import Request
from archtool.explore.search.study import distributions, opened, row_of
from archtool.explore.search.supply import Supply
from archtool.explore.storing.run import Watch

if TYPE_CHECKING:
    import optuna

PATIENCE: Final = 5  # proposals in a row that can't be measured, before a design is drawn instead
FIRST: Final = 10  # designs that are drawn before TPE proposes any: Optuna's own number


def try_out(
    request: Request,
    archive: Archive,
    storage: Path | None,
    resume: bool,
    watch: Watch,
) -> bool:
    """Measure as many designs as are wanted; whether it ended since no others are within the budget.

    What is outside the budget is never measured, nor is a design twice; a design that can't be measured is a failed
    trial with its message, and the search goes on. `storage` holds the study, from which it goes on to `resume`.
    Raises RuleError for an answer of a function that does not name what is asked for.
    """
    trials = Trials(request, archive, opened(request, storage, resume))
    trials.take_over()
    first = FIRST if request.algorithm == "tpe" else request.population
    if not trials.draw(min(first, request.evaluations) - trials.drawn):
        return True
    misses = 0
    while archive.counts.measured < request.evaluations and watch.go_on():
        try:
            misses = 0 if trials.next() else misses + 1
        except KeyboardInterrupt:
            break
        watch.tell(archive.counts.measured)
        if misses >= PATIENCE and not trials.draw(1):
            return True
    return False


class Trials:
    """The trials of a study, and the archive that they fill."""

    def __init__(self, request: Request, archive: Archive, study: optuna.Study) -> None:
        space = request.sweep.space
        self.request = request
        self.archive = archive
        self.study = study
        self.drawn = 0  # trials that were not proposed
        self.judge = Judge(request.sweep, request.goals, request.bounds)
        self.genes = Genes(space.lengths, [is_ordered(axis) for axis in space.axes])
        self.distributions = distributions(space)
        self.known: dict[int, list[float] | None] = {}  # what a design came to; None where nothing
        self.supply = Supply(self.genes, self.judge, archive, request.seed)

    def take_over(self) -> None:
        """Fill the archive with what the study holds; trials that a dead process left running have failed."""
        import numpy as np
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False):
            self.drawn += "fixed_params" in trial.system_attrs
            if trial.state == TrialState.RUNNING:
                self.study.tell(trial.number, state=TrialState.FAIL)
            if trial.state in (TrialState.RUNNING, TrialState.WAITING) or "knobs" not in trial.user_attrs:
                continue
            row = np.array([row_of(self.request.sweep.space, trial.params)])
            (key,) = self.genes.keys(row)
            if key in self.known:
                continue
            judged = self.judge(row)
            self.known[key] = trial.values
            if trial.state == TrialState.COMPLETE:
                self.archive.count_kept()
                self.archive.keep(judged.batch.digits, _columns(judged.batch.metrics, trial.user_attrs["measured"]))
            elif trial.state == TrialState.FAIL:
                self.archive.count_failed()
            else:
                self.archive.add(1, judged.batch, judged.violation[judged.batch.number])
        self.archive.before = self.archive.counts.measured

    def draw(self, count: int) -> bool:
        """Let the next trials be designs within the budget, drawn at random; whether any was found."""
        if count < 1:
            return True
        rows = self.supply.take(count, self.known)
        for row in rows:
            places = dict(zip(self.distributions, row.tolist(), strict=True))
            self.study.enqueue_trial(places)
        return bool(len(rows))

    def next(self) -> bool:
        """Have the next design proposed; whether it was measured, or tried to be."""
        import numpy as np
        from optuna.trial import TrialState

        trial = self.study.ask(self.distributions)
        row = np.array([row_of(self.request.sweep.space, trial.params)])
        (key,) = self.genes.keys(row)
        if key in self.known:
            values = self.known[key]
            self.study.tell(trial, values, TrialState.PRUNED if values is None else TrialState.COMPLETE)
            return False
        self.known[key] = None
        trial.set_user_attr("knobs", knobs_at(self.request.sweep, row[0]))
        judged = self.judge(row)
        violation = float(judged.violation[0])
        trial.set_constraint("budget", violation)
        if violation > 0:
            self.archive.add(1, judged.batch, judged.violation[judged.batch.number])
            self.study.tell(trial, state=TrialState.PRUNED)
            return False
        self._measure(trial, judged.batch.digits, judged.batch.metrics, key)
        return True

    def _measure(self, trial: optuna.Trial, digits: Any, metrics: Any, key: int) -> None:
        from optuna.trial import TrialState

        try:
            measured = self._numbers([int(column[0]) for column in digits])
        except MeasureError as error:
            trial.set_user_attr("error", str(error))
            self.study.tell(trial, state=TrialState.FAIL)
            self.archive.count_failed(str(error))
            return
        except BaseException:  # the search ends here: let nobody think that this trial still runs
            self.study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr("measured", measured)
        values = [float(metrics[goal.name][0]) for goal in self.request.goals]
        self.known[key] = [*values, *measured.values()]
        self.study.tell(trial, self.known[key])
        self.archive.count_kept()
        self.archive.keep(digits, _columns(metrics, measured))

    def _numbers(self, places: list[int]) -> dict[str, float]:
        """The measured goals of the design at these places; none where formulas tell all."""
        measured = self.request.measured
        return measured(design_at(self.request.sweep, places)) if measured.goals else {}


def _columns(metrics: Any, measured: dict[str, float]) -> dict[str, Any]:
    import numpy as np

    return {**metrics, **{name: np.array([value]) for name, value in measured.items()}}
