"""A flat network as steps: joins whose paths start from one tensor become one step, equal steps in a row a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from archtool.flatten import FlatLayer, FlatNetwork
from archtool.spec.expressions import NAME

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Part:
    """A layer, and where it is a join that stands for its paths too, these by their labels."""

    layer: FlatLayer
    sources: list[int]
    paths: dict[str, list[Part]] = field(default_factory=dict)

    @property
    def layers(self) -> list[FlatLayer]:
        """All layers in it, in the order in which a spec runs them."""
        below = [layer for path in self.paths.values() for part in path for layer in part.layers]
        return [*below, self.layer]


def structured(network: FlatNetwork) -> list[Part]:
    """The parts of a network in the order of execution."""
    return list(_Collapsing(network).parts.values())


class _Collapsing:
    """The parts by the tensor that they make, and how often each tensor is read."""

    def __init__(self, network: FlatNetwork) -> None:
        self.wanted = {*network.outputs.values()}
        self.reads = Counter(source for layer in network.layers for source in layer.sources)
        self.parts: dict[int, Part] = {}
        for layer in network.layers:
            part = self.parts[layer.target] = Part(layer, list(layer.sources))
            if layer.run.layer.is_join:
                self.collapse(part)

    def collapse(self, join: Part) -> None:
        """Take the paths of a join into it, where all start from one tensor and nobody else reads what they make."""
        chains = [self.chain(source) for source in join.sources]
        start = next((at for at in chains[0] if all(at in chain for chain in chains)), None)
        if start is None:
            return
        paths = [chain[start] for chain in chains]
        labels = _labels(join.layer.name, paths)
        for path in paths:
            for part in path:
                del self.parts[part.layer.target]
        self.reads[start] -= len(paths) - 1
        join.sources = [start]
        join.paths = dict(zip(labels, paths, strict=True))

    def chain(self, tensor: int) -> dict[int, list[Part]]:
        """For each tensor that a path may start from, from its end backwards, the parts between."""
        found: dict[int, list[Part]] = {tensor: []}
        nodes: list[Part] = []
        while self.reads[tensor] == 1 and tensor not in self.wanted:
            part = self.parts.get(tensor)
            if part is None or len(part.sources) > 1:
                break
            tensor, nodes = part.sources[0], [part, *nodes]
            found[tensor] = nodes
        return found


def _labels(join: str, paths: Sequence[Sequence[Part]]) -> list[str]:
    """The paths' labels: those that they had, where the layers' names still tell, each once."""
    labels: list[str] = []
    for path in paths:
        names = [part.layer.name for part in path]
        own = [name.removeprefix(f"{join}.").split(".")[0] for name in names if name.startswith(f"{join}.")]
        label = own[0] if own and NAME.fullmatch(own[0]) else "path" if path else "same"
        numbered = (f"{label}{number}" for number in range(2, len(paths) + 2))
        labels.append(label if label not in labels else next(each for each in numbered if each not in labels))
    return labels


def runs(items: Sequence[T], leads: Callable[[T], bool] = lambda item: True) -> list[tuple[int, int, int]]:
    """Equal items in a row: (first, how many are one turn, how many turns), all items in order; greedily from the left
    the repeats that save most, each from the first item on that `leads`, where it can start there too.

    >>> runs("abababc")
    [(0, 2, 3), (6, 1, 1)]
    >>> runs("abababa", lambda item: item == "b")
    [(0, 1, 1), (1, 2, 3)]
    """
    found = []
    at = 0
    while at < len(items):
        period, turns = _repeat(items, at)
        later = 0
        while turns > 1 and later < period and not leads(items[at + later]):
            later += 1
        end = at + period * turns
        if 0 < later < period and items[at : at + later] == items[end : end + later]:
            found += [(each, 1, 1) for each in range(at, at + later)]
            at += later
        found.append((at, period, turns))
        at += period * turns
    return found


def _repeat(items: Sequence[object], at: int) -> tuple[int, int]:
    """How many items from there on are a turn, and how many turns there are, of the repeat that saves most."""
    best = (1, 1)
    for period in range(1, (len(items) - at) // 2 + 1):
        turns = 1
        while items[at : at + period] == items[at + turns * period : at + (turns + 1) * period]:
            turns += 1
        if turns > 1 and period * (turns - 1) > best[0] * (best[1] - 1):
            best = (period, turns)
    return best
