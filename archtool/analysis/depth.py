"""How deep a network is: its convolutions and linear layers on the path that has most of them, by algebra over repeats.

ResNet-50 has 50: a stem, 16 blocks of three, a classifier; what stands beside a path (a shortcut's projection) does not
count (He et al. 2015, arXiv:1512.03385, table 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archtool.errors import Untraceable
from archtool.runs import BlockRun, Entry, Merged
from archtool.size import Size, maximum, where


class Way(NamedTuple):
    """The most weighted layers to a tensor: `through` from the body's input, `inside` from what the body makes without
    it (learned tensors); None where there is no such path."""

    through: Size | None
    inside: Size | None = None

    def then(self, later: Way, turns: Size = 1) -> Way:
        """The way on, so many turns (at least one) of it."""
        if later.through is None:
            return Way(None, later.inside)
        through = None if self.through is None else self.through + turns * later.through
        ends = [None if self.inside is None else self.inside + turns * later.through]
        ends.append(None if later.inside is None else later.inside + (turns - 1) * later.through)
        return Way(through, _most(ends))


def depth(run: BlockRun) -> Size:
    """The layers with weights, convolutions and linear ones, on the path of a network that has most of them."""
    found = _most(_Deep().ways(run)[0])
    return 0 if found is None else found


class _Deep:
    """Ways through blocks, each found once."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[BlockRun, list[Way]]] = {}

    def ways(self, run: BlockRun) -> list[Way]:
        """The ways to a block's output, and to its further ones."""
        if id(run) not in self.known:
            self.known[id(run)] = run, self._ways(run)
        return self.known[id(run)][1]

    def _ways(self, run: BlockRun) -> list[Way]:
        ways = {tensor.number: Way(0) for tensor in run.tensors[: len(run.inputs)]}

        def way(number: int) -> Way:
            if number not in ways:
                ways[number] = _merged(run.merges[number], way(run.merges[number].yes), way(run.merges[number].no))
            return ways[number]

        for entry in run.entries:
            before = [way(source) for source in entry.sources]
            start = Way(_most([each.through for each in before]), _most([each.inside for each in before]))
            for number, own in self._own(entry):
                ways[number] = start.then(own, entry.turns)
        return [way(tensor.number) for tensor in (run.output, *run.outputs.values())]

    def _own(self, entry: Entry) -> list[tuple[int, Way]]:
        """The tensors that an entry makes, and the ways to them from what it takes."""
        run = entry.run
        if isinstance(run, BlockRun):
            first, *others = self.ways(run)
            before = range(entry.target - len(others), entry.target)
            return [*zip(before, others, strict=True), (entry.target, first)]
        if run.layer.ignores_input:
            return [(entry.target, Way(None, 0))]
        return [(entry.target, Way(int(run.layer.is_conv)))]


def _most(sizes: Sequence[Size | None]) -> Size | None:
    """The greatest of those that are there."""
    there = [size for size in sizes if size is not None]
    return maximum(*there) if there else None


def _merged(merged: Merged, yes: Way, no: Way) -> Way:
    """The way to a tensor that is one of two."""
    found: list[Size | None] = []
    for left, right in zip(yes, no, strict=True):
        if (left is None) != (right is None):
            raise Untraceable("whether a tensor comes from the input varies with the design", merged.condition)
        found.append(None if left is None else where(merged.condition, left, right))
    return Way(*found)
