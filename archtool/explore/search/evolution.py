"""pymoo's NSGA-II and NSGA-III on a space of designs, a generation a call, and their state as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from archtool.errors import MissingExtra
from archtool.explore.search.breeding import Breeder
from archtool.explore.search.genes import Genes

if TYPE_CHECKING:
    from archtool.explore.search.genes import Rows
    from archtool.explore.search.judge import Judge, Judged

ALGORITHMS: Final = ("nsga2", "nsga3")


class Evolution:
    """A genetic search by an algorithm of pymoo: NSGA-II (Deb et al. 2002) or NSGA-III (Deb & Jain 2014).

    The same seed gives the same search, also where its state was kept and restored in between.
    """

    def __init__(self, judge: Judge, genes: Genes, algorithm: str, population: int, seed: int) -> None:
        self.judge = judge
        self.breeder = Breeder(genes, by_crowding=algorithm == "nsga2")
        self.algorithm = _algorithm(algorithm, len(judge.goals), population, self.breeder)
        self.algorithm.setup(_problem(len(genes.lengths), len(judge.goals)), seed=seed)

    def step(self, most: int) -> tuple[Rows, Judged] | None:
        """Evaluate the next generation, of `most` designs or fewer: its rows, judged; None where none is left."""
        import numpy as np

        algorithm = self.algorithm
        algorithm.n_offsprings = min(algorithm.pop_size, most)
        if not algorithm.is_initialized:
            from pymoo.core.population import Population

            count = min(algorithm.pop_size, most)
            algorithm.initialization.sampling = Population.new("X", self.breeder.drawn(count, algorithm.random_state))
        young = algorithm.infill()
        if young is None or not len(young):
            return None
        rows = np.array([one.X for one in young])
        judged = self.judge(rows)
        for one, goals, violation in zip(young, judged.goals, judged.violation[:, None], strict=True):
            one.F, one.CV = goals, violation
        algorithm.advance(young)
        return rows, judged


def _problem(axes: int, goals: int) -> Any:
    """What pymoo has to know of the problem; the designs are evaluated here, not there."""
    from pymoo.core.problem import Problem

    return Problem(n_var=axes, n_obj=goals, n_ieq_constr=1)


def _algorithm(name: str, goals: int, population: int, breeder: Breeder) -> Any:
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.algorithms.moo.nsga3 import NSGA3
    except ImportError as error:
        raise MissingExtra(f"a search needs pymoo ({error}): pip install 'archtool[search]'") from None
    from pymoo.core.termination import NoTermination

    shared = {"pop_size": population, "mating": breeder, "eliminate_duplicates": False, "termination": NoTermination()}
    if name == "nsga2":
        return NSGA2(**shared, output=None)
    from pymoo.util.ref_dirs import get_reference_directions

    return NSGA3(get_reference_directions("energy", goals, population, seed=1), **shared, output=None)
