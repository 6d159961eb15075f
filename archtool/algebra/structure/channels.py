"""Which input channels may reach which output channels of a whole network: what grouped layers keep apart.

What is told is an upper bound, for all weights: a channel that is said not to reach another never does; one that is
said to may be kept out by weights of zero. The argument is in docs/proofs.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from archtool.algebra.structure.flow import carried
from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join
from archtool.nature import Coupling, Routed
from archtool.shape import Shape
from archtool.size import Size

if TYPE_CHECKING:
    import numpy as np

MOST_INPUTS: Final = 2**15  # channels of all inputs
MOST_CHANNELS: Final = 2**20  # of any tensor
MOST_SHOWN: Final = 8  # runs of outputs

Rows = Sequence[int]  # for each channel, a bit for each input channel that may reach it


@dataclass(frozen=True, slots=True)
class Channels:
    """Which input channels may reach which outputs: `rows` has for each output channel the set of those, bit i for
    channel i. `inputs` and `outputs` are the names of the tensors and their numbers of channels, counted behind each
    other."""

    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    rows: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of input channels."""
        return sum(count for _, count in self.inputs)

    @property
    def is_unmixed(self) -> bool:
        """Whether no output channel is reached by two input channels."""
        return not any([row & (row - 1) for row in self.rows])

    @property
    def is_diagonal(self) -> bool:
        """Whether output channel i is reached by input channel i alone."""
        return len(self.rows) == self.count and all([row == 1 << index for index, row in enumerate(self.rows)])

    @property
    def hole(self) -> tuple[int, int] | None:
        """The first output channel that some input channel never reaches, and the first of these; None without one."""
        everything = (1 << self.count) - 1
        for output, row in enumerate(self.rows):
            if missing := everything & ~row:
                return output, (missing & -missing).bit_length() - 1
        return None

    @property
    def parts(self) -> list[tuple[list[int], list[int]]]:
        """The blocks that nothing connects: the output channels and the input channels of each, by their first input.
        Outputs that nothing reaches are in none."""
        joined = list(range(self.count))  # for each input channel another of its block; the first of it for itself
        blocks = [1 << index for index in joined]

        def first(row: int) -> int:
            index = (row & -row).bit_length() - 1
            while joined[index] != index:
                joined[index] = index = joined[joined[index]]
            return index

        for row in dict.fromkeys(self.rows):
            at = first(row) if row else 0
            while rest := row & ~blocks[at]:
                other = first(rest)
                joined[other] = at
                blocks[at] |= blocks[other]
        outputs: dict[int, list[int]] = {}
        for output, row in enumerate(self.rows):
            if row:
                outputs.setdefault(first(row), []).append(output)
        apart = sorted(outputs, key=lambda at: blocks[at] & -blocks[at])
        return [(outputs[at], list(bits(blocks[at]))) for at in apart]

    def matrix(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Row o, column i: whether input channel i may reach output channel o."""
        import numpy as np

        width = -(-self.count // 8)
        packed = np.frombuffer(b"".join([row.to_bytes(width, "little") for row in self.rows]), np.uint8)
        unpacked = np.unpackbits(packed.reshape(len(self.rows), width), axis=1, count=self.count, bitorder="little")
        return unpacked.astype(np.bool_)

    def shown(self) -> list[str]:
        """The rows in words, runs of outputs that see the same together."""
        if self.is_diagonal and self.count > 1:
            return [f"each of {self.count} outputs sees the input of its own number"]
        runs = [[index for index, _ in run] for _, run in groupby(enumerate(self.rows), key=lambda each: each[1])]
        lines = [f"{_those('output', run)} {_sees(run)} {self._inputs(self.rows[run[0]])}" for run in runs[:MOST_SHOWN]]
        return lines if len(runs) <= MOST_SHOWN else [*lines, f"and {len(runs) - MOST_SHOWN} more runs of outputs"]

    def _inputs(self, row: int) -> str:
        if row == (1 << self.count) - 1:
            return "all inputs" if self.count > 1 else "the input"
        return _those("input", list(bits(row))) if row else "no input"

    def input_name(self, index: int) -> str:
        """An input channel as people call it."""
        return _named("input channel", self.inputs, index)

    def output_name(self, index: int) -> str:
        """An output channel as people call it."""
        return _named("output channel", self.outputs, index)


def channels(flat: FlatNetwork) -> Channels:
    """Which input channels may reach which output channels of a network.

    Raises RuleError where sizes vary, where turns of a repeat are left out, and for more channels than can be told.
    """
    for layer in flat.layers:
        if layer.times != 1:
            raise RuleError(f"which channels reach which is told where each turn of a repeat is there: {layer.name}")
    shapes = [*flat.inputs.values(), *[layer.run.output for layer in flat.layers]]
    if any([_number(shape) > MOST_CHANNELS for shape in shapes]):
        raise RuleError(f"which channels reach which is told of at most {MOST_CHANNELS:,} channels")
    counts = {name: _number(shape) for name, shape in flat.inputs.items()}
    if sum(counts.values()) > MOST_INPUTS:
        raise RuleError(f"which channels reach which is told of at most {MOST_INPUTS:,} input channels")
    starts: list[Rows] = []
    before = 0
    for count in counts.values():
        starts.append([1 << index for index in range(before, before + count)])
        before += count
    known = carried(flat, starts, _through, _either)
    ends = {name: known[number] for name, number in flat.outputs.items()}
    rows = tuple([row for end in ends.values() for row in end])
    return Channels(tuple(counts.items()), tuple([(name, len(end)) for name, end in ends.items()]), rows)


def couplings(layer: FlatLayer) -> tuple[Coupling, ...]:
    """The coupling of each tensor that a layer takes."""
    kind, (x, *sides) = layer.run.layer, layer.run.inputs
    if isinstance(kind, Join):
        return kind.couplings(layer.run.inputs, layer.run.output)
    return (kind.coupling(x), *[kind.side_coupling(x)] * len(sides))


def bits(row: int) -> Iterable[int]:
    """The numbers of the bits that are set, in order."""
    return [index for index, bit in enumerate(reversed(f"{row:b}")) if bit == "1"]


def _through(layer: FlatLayer, tensors: tuple[Rows, ...]) -> Rows:
    count = _number(layer.run.output)
    found = [_coupled(coupling, rows, count) for coupling, rows in zip(couplings(layer), tensors, strict=True)]
    return reduce(_either, found)


def _either(left: Rows, right: Rows) -> Rows:
    return [a | b for a, b in zip(left, right, strict=True)]


def _coupled(coupling: Coupling, rows: Rows, count: int) -> Rows:
    """What reaches `count` output channels, of what reaches the input's."""
    if isinstance(coupling, Routed):
        return [reduce(or_, [rows[source] for source in sources], 0) for sources in coupling.sources]
    groups = coupling.groups
    if not isinstance(groups, int):
        raise RuleError(f"which channels reach which is told of numbers only: groups is {groups}")
    if groups == len(rows) == count:
        return rows
    inside, outside = len(rows) // groups, count // groups
    together = [reduce(or_, rows[start : start + inside]) for start in range(0, len(rows), inside)]
    return [row for row in together for _ in range(outside)]


def _number(shape: Shape) -> int:
    count: Size = shape.channels
    if not isinstance(count, int):
        raise RuleError(f"which channels reach which is told of numbers only: channels is {count}")
    return count


def _those(word: str, indices: list[int]) -> str:
    """`output 3`, `outputs 0-15, 32-47`."""
    runs: list[str] = []
    for _, run in groupby(enumerate(indices), key=lambda each: each[1] - each[0]):
        ends = [index for _, index in run]
        runs.append(str(ends[0]) if len(ends) == 1 else f"{ends[0]}-{ends[-1]}")
    more = f" and {len(runs) - MOST_SHOWN} more runs" if len(runs) > MOST_SHOWN else ""
    return f"{word}{'s' if len(indices) > 1 else ''} {', '.join(runs[:MOST_SHOWN])}{more}"


def _sees(run: list[int]) -> str:
    return "see" if len(run) > 1 else "sees"


def _named(word: str, tensors: tuple[tuple[str, int], ...], index: int) -> str:
    if len(tensors) == 1:
        return f"{word} {index}"
    for name, count in tensors:
        if index < count:
            return f"{word} {index} of '{name}'"
        index -= count
    raise IndexError(index)
