"""The backward pass of a whole network, by algebra over its blocks: what needs a gradient, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from archtool.analysis.numbers import whole
from archtool.analysis.operations.training import ADDITIONS, Backward, backward
from archtool.runs import BlockRun, Entry, LayerRun

Needs = dict[int, bool]  # by a tensor's number in its block: whether it depends on anything learned
Arriving = tuple[tuple[int, int], ...]  # gradients that reach a block's tensors from outside: (number, how many)


class Passed(NamedTuple):
    """What a block's backward pass costs, and which of its inputs get a gradient by it."""

    cost: Backward
    reached: tuple[bool, ...]


@dataclass
class Gradients:
    """The backward pass of a network whose inputs need no gradient and whose outputs all have one.

    A block is looked at once for each distinct (block, which inputs need a gradient, which outputs have one).
    """

    _needs: dict[tuple[int, tuple[bool, ...]], Needs] = field(default_factory=dict)
    _passed: dict[tuple[int, tuple[bool, ...], Arriving], Passed] = field(default_factory=dict)
    _layers: dict[tuple[int, tuple[bool, ...]], Backward] = field(default_factory=dict)

    def of(self, network: BlockRun) -> Backward:
        """The whole network's backward pass, for one input."""
        ends = {tensor.number for tensor in network.outputs.values()} or {network.output.number}
        return self.passed(network, (False,) * len(network.inputs), tuple((number, 1) for number in sorted(ends))).cost

    # --- forward: what needs a gradient --------------------------------------------------------------------------

    def needs(self, block: BlockRun, given: tuple[bool, ...]) -> Needs:
        """Which tensors of a block need a gradient, where these of its inputs do."""
        key = (id(block), given)
        if key not in self._needs:
            inputs = (tensor.number for tensor in block.tensors[: len(block.inputs)])
            found = self._needs[key] = dict(zip(inputs, given, strict=True))
            for entry in block.entries:
                found.update(self._made(entry, found))
        return self._needs[key]

    def _made(self, entry: Entry, needs: Needs) -> Iterator[tuple[int, bool]]:
        run = entry.run
        if isinstance(run, LayerRun):
            yield entry.target, whole(run.cost.params) > 0 or any(_read(entry.sources, run, needs))
            return
        given = needs[entry.sources[0]]
        inner = self.needs(run, (given,))
        if whole(entry.turns) > 1:  # a turn that learns makes the next ones' input need a gradient
            inner = self.needs(run, (inner[run.output.number],))
        yield entry.target, inner[run.output.number]
        for number, target in side_targets(entry):
            yield target, inner[number]

    # --- backward: what the gradients cost -----------------------------------------------------------------------

    def passed(self, block: BlockRun, given: tuple[bool, ...], arriving: Arriving) -> Passed:
        """The backward pass of a block into whose tensors these gradients arrive from outside."""
        key = (id(block), given, arriving)
        if key not in self._passed:
            self._passed[key] = self._pass(block, given, arriving)
        return self._passed[key]

    def _pass(self, block: BlockRun, given: tuple[bool, ...], arriving: Arriving) -> Passed:
        needs = self.needs(block, given)
        gradients = Counter(dict(arriving))
        cost = Backward.nothing()
        uses: Counter[str] = Counter()
        shared: dict[str, int] = {}
        for entry in reversed(block.entries):
            targets = (entry.target, *(target for _, target in side_targets(entry)))
            if not any(gradients[target] and needs[target] for target in targets):
                continue
            for source in self._through(entry, needs, gradients, cost):
                gradients[source] += 1
            if entry.shares is not None:
                uses[entry.shares] += whole(entry.turns)
                shared[entry.shares] = whole(entry.run.cost.params)
        for tensor in block.tensors:
            if gradients[tensor.number] > 1 and needs[tensor.number]:
                cost.inputs[ADDITIONS] += (gradients[tensor.number] - 1) * whole(tensor.shape.elements)
        for label, params in shared.items():
            cost.weights[ADDITIONS] += (uses[label] - 1) * params
        inputs = [tensor.number for tensor in block.tensors[: len(block.inputs)]]
        return Passed(cost, tuple(gradients[number] > 0 and needs[number] for number in inputs))

    def _through(self, entry: Entry, needs: Needs, gradients: Counter[int], cost: Backward) -> list[int]:
        """Add an entry's cost; the numbers of the tensors that get a gradient by it."""
        if isinstance(entry.run, LayerRun):
            flags = _read(entry.sources, entry.run, needs)
            turns = whole(entry.turns)
            cost.add(self._layer(entry.run, flags))
            if turns > 1:
                cost.add(self._layer(entry.run, (needs[entry.target],)), turns - 1)
            return [source for source, flag in zip(entry.sources, flags, strict=True) if flag]
        return self._turns(entry, entry.run, needs, gradients, cost)

    def _turns(self, entry: Entry, run: BlockRun, needs: Needs, gradients: Counter[int], cost: Backward) -> list[int]:
        """The turns of a block: the last one's outputs are read outside, the others' by the next turn alone."""
        source, turns = entry.sources[0], whole(entry.turns)
        end = run.output.number
        last = Counter({end: 1 if gradients[entry.target] else 0})
        for number, target in side_targets(entry):
            last[number] += 1 if gradients[target] else 0
        first_given = (needs[source],)
        later_given = (self.needs(run, first_given)[end],)
        wanted = tuple(sorted((+last).items()))
        if turns == 1:
            passed = self.passed(run, first_given, wanted)
            cost.add(passed.cost)
            return [source] if passed.reached[0] else []
        passed = self.passed(run, later_given, wanted)
        cost.add(passed.cost)
        if not passed.reached[0]:
            return []
        between = self.passed(run, later_given, ((end, 1),))
        cost.add(between.cost, turns - 2)
        first = self.passed(run, first_given, ((end, 1),))
        cost.add(first.cost)
        return [source] if first.reached[0] else []

    def _layer(self, run: LayerRun, needs: tuple[bool, ...]) -> Backward:
        key = (id(run), needs)
        if key not in self._layers:
            self._layers[key] = backward(run, needs)
        return self._layers[key]


def _read(sources: tuple[int, ...], run: LayerRun, needs: Needs) -> tuple[bool, ...]:
    """Which of a layer's inputs get a gradient by it: none of a layer that ignores what stands before it."""
    return tuple(needs[source] and not run.layer.ignores_input for source in sources)


def side_targets(entry: Entry) -> list[tuple[int, int]]:
    """A block's named outputs: their numbers inside, and outside where the entry stands."""
    if isinstance(entry.run, LayerRun):
        return []
    outputs = entry.run.outputs.values()
    return list(
        zip((tensor.number for tensor in outputs), range(entry.target - len(outputs), entry.target), strict=True)
    )
