"""A search for cheap ResNets that see far, among a hundred million: archtool, pymoo as it comes, Optuna in memory."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from archtool import load
from archtool.errors import MissingExtra
from archtool.explore.fronts.frontier import Frontier
from archtool.explore.search.judge import Judge
from archtool.explore.search.request import Request, request
from archtool.explore.search.searching import search
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Section

SPEC, BUDGET = "resnet_family", "params <= 5M"
CANDIDATES = 20_000
BAR = 1.0  # seconds for them
LEAST_SHARE = 0.99  # of the enumerated front's hypervolume
POPULATION = 200
TRIALS = 1_000  # of Optuna, which takes too long for all
ROUNDS = 3  # at most

Goals = np.ndarray[Any, np.dtype[np.float64]]  # (designs, 2), smaller is better


class Run(NamedTuple):
    """The seconds that a search took, the designs that it evaluated, and the goals of those within the budget."""

    seconds: float
    candidates: int
    goals: Goals


def measure(effort: Effort) -> Section:
    """Time the searches in turns, on the same formulas, and hold what they found against the enumerated front."""
    exact = _exact()
    tools: dict[str, Callable[[int], Run]] = {
        "archtool search": _ours,
        "pymoo's NSGA2": _pymoo,
        "Optuna's NSGA-II": _optuna,
    }
    runs: dict[str, list[Run]] = {name: [] for name in tools}
    absent: dict[str, str] = {}
    for number in range(min(effort.rounds, ROUNDS) + 1):  # the first is not counted: imports, code that is generated
        for name, run in tools.items():
            say(f"search: {name}, round {number} of {min(effort.rounds, ROUNDS)}")
            try:
                found = run(number)
            except (ImportError, MissingExtra) as error:
                absent[name] = str(error)
                continue
            if number:
                runs[name].append(found)
    shares = {name: min(_share(run.goals, exact) for run in found) for name, found in runs.items() if found}
    if shares.get("archtool search", 1.0) < LEAST_SHARE:
        absent["archtool search"] = f"its front has {shares['archtool search']:.2%} of the hypervolume"
        runs["archtool search"] = []
    ours, *peers = (_figure(name, runs[name], absent.get(name), name == "archtool search") for name in tools)
    told = ", ".join(f"{name} {share:.2%}" for name, share in shares.items())
    return Section(
        title=f"{CANDIDATES:,} of 100 million ResNets evaluated in a search for two goals within a budget", unit="s",
        ours=(ours,), peers=tuple(peers),
        notes=(
            "The least share of the enumerated front's hypervolume that they found:",
            f"{told}.",
            f"All evaluate the same generated numpy code: archtool and pymoo {POPULATION} designs at once, Optuna one.",
            f"Optuna ran for {TRIALS:,} candidates, and its time is scaled; its share is that of these.",
        ),
    )  # fmt: skip


def _figure(name: str, runs: list[Run], absent: str | None, ours: bool) -> Figure:
    samples = tuple(run.seconds * CANDIDATES / run.candidates for run in runs)
    return Figure(tool=name, samples=samples, bar=BAR if ours else None, compared=ours, absent=absent)


def _request(seed: int) -> Request:
    sweep = load(SPEC).explore(metrics=["macs"], minimize=["macs"], maximize=["receptive_field"])
    return request(sweep, budget=BUDGET, algorithm="nsga2", evaluations=CANDIDATES, population=POPULATION, seed=seed)


def _judge() -> Judge:
    asked = _request(0)
    judge = Judge(asked.sweep, asked.goals, asked.bounds)
    judge(np.zeros((1, len(asked.sweep.space.axes)), np.int64))  # traced, and its code made
    return judge


def _exact() -> Goals:
    """The front of all designs."""
    judge = _judge()
    say(f"search: the front of all {judge.sweep.space.size:,} designs")
    frontier = Frontier([False, False])
    for start, stop in judge.sweep.chunks():
        violation, goals = judge.weighed(judge.sweep.batch(start, stop))
        inside = goals[violation == 0]
        frontier.add(list(inside.T), np.arange(start, start + len(inside)))
    return np.stack(frontier.found()[0], axis=1)


def _ours(seed: int) -> Run:
    found = search(_request(seed))
    columns = [
        found.table[goal.name].to_numpy() * (-1.0 if goal.maximize else 1.0) for goal in found.request.objectives
    ]
    return Run(found.seconds, found.evaluations, np.stack(columns, axis=1))


def _pymoo(seed: int) -> Run:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem
    from pymoo.operators.crossover.sbx import SBX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair
    from pymoo.operators.sampling.rnd import IntegerRandomSampling
    from pymoo.optimize import minimize

    judge = _judge()
    lengths = judge.sweep.space.lengths
    seen: list[Goals] = []

    class Designs(Problem):  # type: ignore[misc]  # pymoo ships no types
        def __init__(self) -> None:
            super().__init__(n_var=len(lengths), n_obj=2, n_ieq_constr=1, xl=0, xu=np.array(lengths) - 1, vtype=int)

        def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
            judged = judge(x)
            seen.append(judged.goals[judged.violation == 0])
            out["F"], out["G"] = judged.goals, judged.violation[:, None]

    algorithm = NSGA2(
        pop_size=POPULATION, sampling=IntegerRandomSampling(), crossover=SBX(vtype=float, repair=RoundingRepair()),
        mutation=PM(vtype=float, repair=RoundingRepair()), eliminate_duplicates=True,
    )  # fmt: skip
    begun = perf_counter()
    result = minimize(Designs(), algorithm, ("n_eval", CANDIDATES), seed=seed)
    return Run(perf_counter() - begun, int(result.algorithm.evaluator.n_eval), np.concatenate(seen))


def _optuna(seed: int) -> Run:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    judge = _judge()
    seen: list[Goals] = []

    def objective(trial: optuna.Trial) -> tuple[float, ...]:
        row = [trial.suggest_int(str(axis), 0, length - 1) for axis, length in enumerate(judge.sweep.space.lengths)]
        judged = judge(np.array([row]))
        trial.set_constraint("budget", float(judged.violation[0]))
        if judged.violation[0] == 0:
            seen.append(judged.goals)
        return tuple(judged.goals[0])

    sampler = optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=seed)
    begun = perf_counter()
    optuna.create_study(directions=["minimize"] * 2, sampler=sampler).optimize(objective, n_trials=TRIALS)
    return Run(perf_counter() - begun, TRIALS, np.concatenate(seen))


def _share(goals: Goals, exact: Goals) -> float:
    """The hypervolume of a front as a share of the exact one's, in units of its extent, up to 0.1 beyond its corner."""
    import moocore

    low, extent = exact.min(axis=0), np.ptp(exact, axis=0)
    volumes = [float(moocore.hypervolume((each - low) / extent, ref=[1.1, 1.1])) for each in (goals, exact)]
    return volumes[0] / volumes[1]
