"""Parents and children of pymoo's genetic algorithms, a whole generation at once.

pymoo's own operators compare parents and look for twins one by one, in time that grows with the square of the
population; these are arrays, and never breed a design that was evaluated before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from archtool.explore.search.genes import LISTED, Genes

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.search.genes import Draw, Rows

TRIES: Final = 8  # of breeding new designs, before new ones are drawn


class Individual:
    """A design in pymoo's populations. It stands in the place of pymoo's own class, which has attributes for gradients
    and a search through them for each read: most of the time of a whole search."""

    evaluated: tuple[str, ...] = ()  # pymoo evaluates nothing here

    def __init__(self, row: np.ndarray[Any, Any]) -> None:
        self.X = row

    def get(self, name: str) -> Any:
        """An attribute by its name, or None."""
        return self.__dict__.get(name)

    def set(self, name: str, value: Any) -> None:
        """Set an attribute by its name."""
        self.__dict__[name] = value

    def judge(self, goals: np.ndarray[Any, Any], violation: np.ndarray[Any, Any]) -> None:
        """Take down the goals (smaller is better), and an array of the violation alone."""
        self.F = goals
        self.CV = violation
        self.FEAS = violation <= 0


def population(rows: Rows) -> Any:
    """Individuals with these rows, as pymoo's kind of array."""
    import numpy as np
    from pymoo.core.population import Population

    found = np.empty(len(rows), object)
    found[:] = [Individual(row) for row in rows]
    return found.view(Population)


class Breeder:
    """Breeds designs that were never seen. It stands in the place of pymoo's Mating."""

    def __init__(self, genes: Genes, by_crowding: bool) -> None:
        self.genes = genes
        self.by_crowding = by_crowding
        self.seen: set[int] = set()

    def do(self, problem: Any, pop: Any, n_offsprings: int, random_state: Draw, **_: Any) -> Any:
        """pymoo's door: so many children of a population, fewer (or none) where no more new designs are found."""
        import numpy as np

        rows = np.array([one.X for one in pop])
        place = self._places(pop, random_state)
        children: list[Rows] = []
        missing = n_offsprings
        for _try in range(TRIES):
            pairs = (missing + 1) // 2
            rivals = random_state.integers(0, len(rows), (2, 2 * pairs))
            winners = np.where(place[rivals[0]] < place[rivals[1]], rivals[0], rivals[1])
            bred = self.genes.crossed(rows[winners[:pairs]], rows[winners[pairs:]], random_state)
            children.append(self.unseen(self.genes.mutated(bred, random_state), missing))
            missing -= len(children[-1])
            if not missing:
                break
        else:
            children.append(self.drawn(missing, random_state))
        return population(np.concatenate(children))

    def drawn(self, count: int, draw: Draw) -> Rows:
        """So many new designs, drawn uniformly; fewer where the space has no more, or in a large one hides them."""
        import numpy as np

        rows = [self.genes.drawn(0, draw)]
        for _ in range(TRIES):
            if count:
                rows.append(self.unseen(self.genes.drawn(2 * count, draw), count))
                count -= len(rows[-1])
        if count and self.genes.designs <= LISTED:
            rows.append(self.unseen(self.genes.all(draw), count))
        return np.concatenate(rows)

    def unseen(self, rows: Rows, most: int) -> Rows:
        """The first `most` rows that were never seen; from now on they are."""
        new: list[int] = []
        for index, key in enumerate(self.genes.keys(rows)):
            if key not in self.seen and len(new) < most:
                self.seen.add(key)
                new.append(index)
        return rows[new]

    def _places(self, pop: Any, draw: Draw) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Where each stands in a tournament (less is better): by violation, then, in NSGA-II, by front and by crowding
        (Deb et al. 2002, section III.B); in NSGA-III all valid designs stand alike (Deb & Jain 2014, section IV.F)."""
        import numpy as np

        order = [draw.random(len(pop)), np.array([one.CV[0] for one in pop])]
        if self.by_crowding:
            ranks = np.array([one.get("rank") for one in pop], np.float64)
            crowding = np.array([one.get("crowding") for one in pop], np.float64)
            order[1:1] = [-np.nan_to_num(crowding, nan=0.0, posinf=np.inf), np.nan_to_num(ranks, nan=np.inf)]
        places = np.empty(len(pop), np.int64)
        places[np.lexsort(order)] = np.arange(len(pop))
        return places
