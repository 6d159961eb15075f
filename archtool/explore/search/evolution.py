"""pymoo's NSGA-II and NSGA-III on a space of designs, a generation a call, and their state as arrays."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import missing_extra
from archtool.explore.search.breeding import Breeder, population
from archtool.explore.search.genes import Genes

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.search.genes import Rows
    from archtool.explore.search.judge import Judge, Judged

    Array = np.ndarray[Any, Any]

POPULATION: Final = ("X", "F", "CV", "rank", "crowding")  # what pymoo knows of each design


class Evolution:
    """A genetic search by an algorithm of pymoo: NSGA-II (Deb et al. 2002) or NSGA-III (Deb & Jain 2014).

    The same seed gives the same search, also where its state was kept and restored in between.
    """

    def __init__(self, judge: Judge, genes: Genes, algorithm: str, size: int, seed: int) -> None:
        self.judge = judge
        self.breeder = Breeder(genes, by_crowding=algorithm == "nsga2")
        self.algorithm = _algorithm(algorithm, judge.width, size, self.breeder)
        self.algorithm._set_optimum = lambda: None  # nobody asks for it, and it is told anew in each generation
        problem, termination = _problem(len(genes.lengths), judge.width)
        self.algorithm.setup(problem, seed=seed, termination=termination)

    def step(self, most: int) -> tuple[Rows, Judged] | None:
        """Evaluate the next generation, of `most` designs or fewer: its rows, judged; None where none is left."""
        import numpy as np

        algorithm = self.algorithm
        algorithm.n_offsprings = min(algorithm.pop_size, most)
        if not algorithm.is_initialized:
            count = min(algorithm.pop_size, most)
            algorithm.initialization.sampling = population(self.breeder.drawn(count, algorithm.random_state))
        young = algorithm.infill()
        if young is None or not len(young):
            return None
        rows = np.array([one.X for one in young])
        judged = self.judge(rows)
        for one, goals, violation in zip(young, judged.goals, judged.violation[:, None], strict=True):
            one.judge(goals, violation)
        algorithm.advance(young)
        return rows, judged

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """All that decides what comes next, as JSON and arrays."""
        import numpy as np

        algorithm = self.algorithm
        told = {"generation": algorithm.n_iter, "draw": algorithm.random_state.bit_generator.state}
        arrays: dict[str, Array] = {"seen": np.array(sorted(self.breeder.seen), np.uint64)}
        if algorithm.is_initialized:
            for name in POPULATION:
                arrays[name] = np.array([one.get(name) for one in algorithm.pop], np.float64)
        for name, value in self._norms().items():
            if value is not None:
                arrays[name] = value
        return told, arrays

    def restore(self, told: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Go on from a state."""
        algorithm = self.algorithm
        algorithm.random_state.bit_generator.state = told["draw"]
        self.breeder.seen = set(arrays["seen"].tolist())
        if "X" not in arrays:
            return
        algorithm.pop = population(arrays["X"].astype("int64"))
        for index, one in enumerate(algorithm.pop):
            one.judge(arrays["F"][index], arrays["CV"][index])
            one.rank, one.crowding = arrays["rank"][index], arrays["crowding"][index]
        algorithm.n_iter, algorithm.is_initialized = told["generation"], True
        for name in self._norms():
            setattr(algorithm.survival.norm, name, arrays.get(name))

    def _norms(self) -> dict[str, Array | None]:
        """What NSGA-III remembers of the goals' scales."""
        norm = getattr(self.algorithm.survival, "norm", None)
        return {} if norm is None else vars(norm)


def _problem(axes: int, goals: int) -> tuple[Any, Any]:
    """What pymoo has to know of the problem, and when to end; designs are evaluated, and counted, here."""
    from pymoo.core.problem import Problem
    from pymoo.core.termination import NoTermination

    return Problem(n_var=axes, n_obj=goals, n_ieq_constr=1), NoTermination()


def _algorithm(name: str, goals: int, size: int, breeder: Breeder) -> Any:
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.algorithms.moo.nsga3 import NSGA3
    except ImportError as error:
        raise missing_extra("a genetic search", "pymoo", "search", error) from None
    shared = {"mating": breeder, "eliminate_duplicates": False, "output": None}
    if name == "nsga2":
        return NSGA2(size, **shared)
    directions = _directions(goals, size)
    return NSGA3(directions, pop_size=max(size, len(directions)), **shared)


def _directions(goals: int, most: int) -> Array:
    """The most of evenly spread directions (Das & Dennis 1998) that a population has a design for each of; but one a
    goal, at least two goals."""
    from pymoo.util.ref_dirs import get_reference_directions

    partitions = 1
    while comb(partitions + goals, goals - 1) <= most:
        partitions += 1
    directions: Array = get_reference_directions("das-dennis", goals, n_partitions=partitions)
    return directions
