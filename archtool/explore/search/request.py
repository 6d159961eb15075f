"""What a search is asked for, and which way it goes: everything evaluated, a genetic algorithm, or trial by trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from archtool.analysis.measures import METRICS
from archtool.errors import RuleError
from archtool.explore.asked import Asked
from archtool.explore.describe import fingerprint
from archtool.explore.search.budget import Bound, bounded, parse_budget
from archtool.explore.search.judge import Goal
from archtool.explore.search.measured import Measured
from archtool.explore.space import Space
from archtool.explore.sweep import Sweep

if TYPE_CHECKING:
    from archtool.design import Design
    from archtool.explore.search.measured import Scoring

ALGORITHMS: Final = {
    "exhaustive": "exhaustive",
    "nsga2": "NSGA-II",
    "nsga3": "NSGA-III",
    "tpe": "tree-structured Parzen estimators",
}
ENUMERATED: Final = 5_000_000  # designs that are all evaluated rather than searched
MOST_KEPT: Final = 10_000_000  # designs that are all evaluated when that is asked for: half a gigabyte
FEW_GOALS: Final = 3  # that crowding tells apart (Deb & Jain 2014, section I)
EVALUATIONS: Final = 100_000  # by default, of designs that formulas tell of
TRIALS: Final = 100  # by default, of designs that are measured
POPULATION: Final = 200
TRIAL_POPULATION: Final = 20


@dataclass(frozen=True, kw_only=True)
class Request:
    """A search: of which space, for what, how, and for how long.

    `sweep` tells of designs what formulas can, among it the `goals`; `measured` are the goals that functions and scores
    tell. `engine` is what evaluates: 'formulas', 'pymoo' or 'optuna'; `why` says why `algorithm` was taken.
    """

    sweep: Sweep
    goals: tuple[Goal, ...]
    bounds: tuple[Bound, ...]
    measured: Measured
    algorithm: str
    engine: str
    why: str
    evaluations: int
    population: int
    seed: int

    @property
    def objectives(self) -> tuple[Goal, ...]:
        """All goals, those to be minimized first."""
        return tuple(sorted((*self.goals, *self.measured.goals), key=lambda goal: goal.maximize))

    def describe(self) -> dict[str, Any]:
        """All that decides what is found but for how long it is searched, as JSON; see `Sweep.describe`."""
        return {
            **self.sweep.describe(),
            "minimize": [goal.name for goal in self.objectives if not goal.maximize],
            "maximize": [goal.name for goal in self.objectives if goal.maximize],
            "search": {
                "algorithm": self.algorithm,
                "engine": self.engine,
                "population": self.population,
                "seed": self.seed,
                "budget": [bound.text for bound in self.bounds],
                **self.measured.describe(),
            },
        }

    @cached_property
    def fingerprint(self) -> str:
        """A hash of `describe()`: what is kept of a search can be gone on with by one that has the same."""
        return fingerprint(self.describe())


def request(
    sweep: Sweep,
    *,
    budget: str = "",
    minimize: Sequence[str] | None = None,
    maximize: Sequence[str] | None = None,
    objectives: Sequence[str | Callable[[Design], Any]] = (),
    scores: Sequence[str] = (),
    scoring: Scoring | None = None,
    algorithm: str = "auto",
    evaluations: int | None = None,
    population: int | None = None,
    seed: int = 0,
) -> Request:
    """A search of a sweep's space, for what it minimizes and maximizes or for what is said in its place.

    Raises RuleError and SpecError for what can't be searched for, before anything is evaluated.
    """
    bounds = parse_budget(budget, METRICS)
    names = _names(sweep, minimize, maximize)
    measured, told = Measured.chosen(names, objectives, scores, scoring, known=tuple(sweep.design.spec.block.arguments))
    low, high = ([goal.name for goal in told if goal.maximize is way] for way in (False, True))
    if not (told or measured.goals):
        raise RuleError("a search needs something to --minimize or --maximize")
    space = Space(axes=sweep.space.axes)  # a search draws its designs itself
    asked = Asked(space, sweep.where, tuple(low), tuple(high))
    own = Sweep(sweep.design, asked, [*sweep.metrics, *bounded(bounds)], sweep.options)
    if algorithm == "nsga3" and len(told) + len(measured.goals) < 2:
        raise RuleError("nsga3 spreads designs between goals, of which it needs two; take nsga2")
    chosen, engine, why = _algorithm(algorithm, space.designs, len(told), measured)
    by_trials = engine == "optuna"
    wanted = evaluations or (TRIALS if by_trials else EVALUATIONS)
    return Request(
        sweep=own, goals=tuple(told), bounds=bounds, measured=measured, algorithm=chosen, engine=engine, why=why,
        evaluations=min(wanted, space.designs) if engine != "formulas" else space.designs,
        population=population or (TRIAL_POPULATION if by_trials else POPULATION), seed=seed,
    )  # fmt: skip


def _names(sweep: Sweep, minimize: Sequence[str] | None, maximize: Sequence[str] | None) -> list[Goal]:
    low = sweep.minimize if minimize is None else minimize
    high = sweep.maximize if maximize is None else maximize
    for name in low:
        if name in high:
            raise RuleError(f"'{name}' can't be both minimized and maximized")
    return [*(Goal(name, False) for name in dict.fromkeys(low)), *(Goal(name, True) for name in dict.fromkeys(high))]


def _algorithm(name: str, designs: int, goals: int, measured: Measured) -> tuple[str, str, str]:
    """The algorithm, who evaluates, and why."""
    size = f"the space has {designs:,} designs"
    if name != "auto" and name not in ALGORITHMS:
        raise RuleError(f"there is no algorithm '{name}'; there are auto, {', '.join(ALGORITHMS)}")
    if measured.goals:
        names = [goal.name for goal in measured.goals]
        what = f"{' and '.join(names)} {'has' if len(names) == 1 else 'have'} to be measured, design by design"
        if name == "exhaustive":
            raise RuleError(f"{what}: take tpe, nsga2 or nsga3 for that")
        chosen = "tpe" if name == "auto" else name
        return chosen, "optuna", what
    if name == "tpe":
        return name, "optuna", "it was asked for"
    if name == "exhaustive" and designs > MOST_KEPT:
        raise RuleError(
            f"{size}, more than the {MOST_KEPT:,} that a search keeps; `archtool sweep -o FILE` evaluates them all in "
            "bounded memory, and `archtool front FILE` finds the best"
        )
    if name == "exhaustive" or (name == "auto" and designs <= ENUMERATED):
        return "exhaustive", "formulas", f"{size}: all are evaluated, and the front is exact"
    if name != "auto":
        return name, "pymoo", "it was asked for"
    chosen = "nsga2" if goals <= FEW_GOALS else "nsga3"
    return chosen, "pymoo", f"{size}, more than the {ENUMERATED:,} that are all evaluated"
