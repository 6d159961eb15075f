"""What reaches what: one position, or one channel, of the input is changed, and the outputs that change are noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archtool.algebra.finding import SAMPLES, Basis, Finding, unknown
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.draws import Draw
from archtool.realize.exact import why_inexact
from archtool.realize.expressions import Bundle, Expression, laid_out, output_shapes
from archtool.realize.properties.laws import CPU, Judge, Law, Sides, Violation
from archtool.realize.properties.plan import operations, plan
from archtool.realize.properties.searching import Searched, concluded, shrunk
from archtool.realize.properties.sums import taken_in_turns
from archtool.shape import Shape

TOGETHER: Final = 2 * 10**8  # operations of the changes that are run as one batch
MOST: Final = 256  # changes that a draw takes
ROUNDING: Final = 1e-12  # relative differences that are looked at


class Changes(NamedTuple):
    """How far each output element moved, one row a change: (changes, channels, positions) of each output; and what
    counts as having moved."""

    moved: tuple[Tensor, ...]
    least: tuple[float, ...]


def _changes(sides: Sides, flat: FlatNetwork, what: str, parts: Sequence[int], x: Bundle, y: Bundle) -> Changes | None:
    """The changes of the outputs where x is changed by y in one part after the other; None where not all is finite."""
    size = max(1, TOGETHER // operations(flat))
    moved: list[list[Tensor]] = [[] for _ in flat.outputs]
    largest = [0.0] * len(flat.outputs)
    base = sides.meaning.output(x, "")
    for start in range(0, len(parts), size):
        chosen = parts[start : start + size]
        changes = [_parted(tensor, shape, what, chosen) for tensor, shape in zip(y.tensors, y.shapes, strict=True)]
        batch = tuple(tensor + change for tensor, change in zip(x.tensors, changes, strict=True))
        made = sides.meaning.output(Bundle(batch, x.shapes), "")
        for number, (after, before, shape) in enumerate(zip(made.tensors, base.tensors, made.shapes, strict=True)):
            difference = (after - before).abs()
            if not bool(torch.isfinite(difference).all()):
                return None
            largest[number] = max(largest[number], float(before.abs().max()), float(after.abs().max()))
            moved[number].append(laid_out(difference, shape))
    return Changes(tuple(torch.cat(each) for each in moved), tuple(ROUNDING * each for each in largest))


def _parted(tensor: Tensor, shape: Shape, what: str, parts: Sequence[int]) -> Tensor:
    """A batch of a tensor of one item, each item with one of the parts alone."""
    laid = laid_out(tensor, shape)
    axis = 1 if what == "channels" else 2
    mask = torch.zeros(len(parts), laid.shape[axis], dtype=tensor.dtype, device=tensor.device)
    for row, part in enumerate(parts):
        if part < laid.shape[axis]:
            mask[row, part] = 1
    alone = laid * mask.unsqueeze(3 - axis)
    return alone.movedim(1, -1) if shape.is_tokens else alone.reshape(len(parts), *tensor.shape[1:])


def pointwise(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test that an output position changes with the input position of its own number alone; where the output has other
    positions than the input, the structure decides."""
    inputs, outputs = tuple(flat.inputs.values()), output_shapes(flat)
    positions = as_int(inputs[0].positions)
    if any(as_int(shape.positions) != positions for shape in (*inputs, *outputs)):
        return structural
    settings = in_float64(settings)
    judge = Judge(flat, settings.allowed)
    channels = max(as_int(shape.channels) for shape in inputs)
    draws = 0
    for turn, drawn in enumerate(plan(flat, settings, min(positions, MOST), structural.truth is True)):
        sides, (x, y) = judge.sides(drawn.weights), drawn.inputs
        alone = None if turn % 2 == 0 else turn // 2 % channels
        change = y if alone is None else ["only", "channels", [alone], y]
        parts = taken_in_turns(positions, turn, MOST)
        changes = _changes(sides, flat, "positions", parts, sides.read(x), sides.read(change))
        if changes is None:
            continue
        draws += 1
        for output, part in _elsewhere(changes, parts):
            law = _Moved("positions", part, alone, output, None, outputs)
            violation = judge.violation(drawn.weights, law.laws(x, y, turn))
            if violation is not None:
                small = shrunk(flat, judge, drawn, law.laws, turn, violation)
                return concluded(structural, Searched(small, draws, 0.0), settings)
    return concluded(structural, Searched(None, draws, 0.0), settings)


def _elsewhere(changes: Changes, parts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Outputs' numbers and changed positions, where the output moved at other positions than the changed one."""
    for output, (moved, least) in enumerate(zip(changes.moved, changes.least, strict=True)):
        found = (moved > least).any(1)
        found[range(len(parts)), list(parts)] = False
        for row in found.any(1).nonzero().flatten().tolist():
            yield output, parts[row]


def _both(first: Violation, second: Violation, about: str) -> Violation:
    """Two changes that move one output as one violation, whatever they are `about`."""
    weakest = next((each.basis for each in (first, second) if each.basis.kind == SAMPLES), second.basis)
    witness = first.witness
    recipe = {**witness.recipe, "and": second.witness.recipe}
    text = f"{about}{witness.text}; {second.witness.text}"
    return Violation(replace(witness, text=text, recipe=recipe), weakest)


class _Moved(NamedTuple):
    """Laws that say that an output does not change with a part of the input: at one `place` of it (a position or a
    channel), or anywhere but at the place of the part's own number."""

    what: str
    part: int
    channel: int | None
    output: int
    place: int | None
    shapes: tuple[Shape, ...]

    def laws(self, x: Expression, y: Expression, turn: int) -> list[Law]:
        """The law for two inputs: f(x) stays when x is changed by y in the part."""
        change = y if self.channel is None else ["only", "channels", [self.channel], y]
        changed = ["sum", [1, x], [1, ["only", self.what, [self.part], change]]]
        where = f"{self.what.removesuffix('s')} {self.part}"
        return [Law(["output", x], ["output", changed], ("f(x)", f"with x changed in {where}"), self._masks())]

    def _masks(self) -> tuple[Tensor | None, ...]:
        masks = []
        for number, shape in enumerate(self.shapes):
            dims = tuple(map(as_int, shape.dims))
            laid = torch.zeros(1, as_int(shape.channels), as_int(shape.positions), dtype=torch.bool)
            if number == self.output:
                along = laid.select(
                    2 if self.what == "positions" else 1, self.part if self.place is None else self.place
                )
                along.fill_(True)
                laid = ~laid if self.place is None else laid
            masks.append(laid.movedim(1, -1) if shape.is_tokens else laid.reshape(1, *dims))
        return tuple(masks)


def mixes_channels(flat: FlatNetwork, structural: Finding, settings: Settings, how: str = "full") -> Finding:
    """Measure which input channels reach which outputs, for the weights drawn.

    `full` is true where each reaches each, for some weights. `none` is refuted by an output that two channels reach,
    `groups` by outputs that connect all channels.
    """
    settings = in_float64(settings)
    judge = Judge(flat, settings.allowed)
    shapes = output_shapes(flat)
    counts = [as_int(shape.channels) for shape in flat.inputs.values()]
    channels = sum(counts)
    columns = [(index, channel) for index, count in enumerate(counts) for channel in range(count)]
    owners = [(output, row) for output, shape in enumerate(shapes) for row in range(as_int(shape.channels))]
    reached = torch.zeros(len(owners), channels, dtype=torch.bool)
    exact = torch.zeros_like(reached)
    draws = 0
    for turn, drawn in enumerate(plan(flat, settings, min(channels, MOST), structural.truth is True)):
        sides, (x, y) = judge.sides(drawn.weights), drawn.inputs
        taken = [columns[number] for number in taken_in_turns(channels, turn, MOST)]
        found = torch.zeros_like(reached)
        complete = True
        certain = not why_inexact(flat, judge.network(drawn.weights), [["output", ["sum", [1, x], [1, y]]]])
        for index in range(len(counts)):
            parts = [channel for which, channel in taken if which == index]
            if not parts:
                continue
            changes = _changes(sides, flat, "channels", parts, sides.read(x), sides.read(_alone(drawn.y, flat, index)))
            if changes is None:
                complete = False
                break
            factor = 0.0 if certain else settings.allowed / ROUNDING
            rows = [
                (moved > factor * least).any(2).T for moved, least in zip(changes.moved, changes.least, strict=True)
            ]
            found[:, [sum(counts[:index]) + part for part in parts]] = torch.cat(rows)
        if not complete:
            continue
        draws += 1
        reached |= found
        exact |= found & certain
        if how == "full" and bool(exact.all()):
            break
        meeting = (found.sum(1) > 1).nonzero().flatten().tolist()
        if (how == "none" and meeting) or (how == "groups" and meeting and _connected(reached)):
            output, row = owners[meeting[0]]
            first, second, *_ = found[meeting[0]].nonzero().flatten().tolist()
            about = "" if how == "none" else f"outputs connect all {channels} channels: "
            violations = []
            for index, channel in (columns[first], columns[second]):
                law = _Moved("channels", channel, None, output, row, shapes)
                violations.append(judge.violation(drawn.weights, law.laws(x, _alone(drawn.y, flat, index), turn)))
            if violations[0] is not None and violations[1] is not None:
                violation = _both(violations[0], violations[1], about)
                facts = {"reached": reached.int().tolist()}
                return concluded(structural, Searched(violation, draws, 0.0), settings, **facts)
    return _mixed(structural, settings, how, reached, exact, draws)


def _alone(draw: Draw, flat: FlatNetwork, index: int) -> Expression:
    """A draw of one of the inputs, the others being zeros."""
    others = [name for number, name in enumerate(flat.inputs) if number != index]
    return ["draw", replace(draw, zeroed=(*draw.zeroed, *others)).recipe()]


def _connected(reached: Tensor) -> bool:
    """Whether outputs connect all input channels with each other."""
    block, size = reached[:, 0].clone(), 0
    while size < int(block.sum()):
        size = int(block.sum())
        inputs = reached[block].any(0)
        block = reached[:, inputs].any(1)
    return bool(reached[block].any(0).all())


def _mixed(structural: Finding, settings: Settings, how: str, reached: Tensor, exact: Tensor, draws: int) -> Finding:
    facts: dict[str, Any] = {"reached": reached.int().tolist()}
    if how != "full" or structural.truth is not None:
        return concluded(structural, Searched(None, draws, 0.0), settings, **facts)
    missing = (~reached).nonzero().tolist()
    if missing:
        row, column = missing[0]
        more = f", nor did {len(missing) - 1} other pairs meet" if len(missing) > 1 else ""
        reason = f"input channel {column} reached output channel {row} in none of {draws} draws{more}"
        return unknown(reason, objects=True, assumptions=structural.assumptions, facts={**structural.facts, **facts})
    pairs = f"each of {reached.shape[1]} input channels changes each of {reached.shape[0]} outputs"
    if bool(exact.all()):
        basis = Basis("witness", f"{pairs}, float64 on integers, every step exact")
    else:
        text = f"{pairs} in {draws} draws, {settings.dtype}, beyond {settings.allowed:.0e} of the largest"
        basis = Basis(SAMPLES, text)
    return Finding(
        truth=True,
        basis=(basis,),
        steps=(*structural.steps, f"changed one by one, {pairs} for some weights"),
        assumptions=structural.assumptions,
        facts={**structural.facts, **facts},
    )


def in_float64(settings: Settings) -> Settings:
    """The settings on the CPU in float64, where changes are told from rounding."""
    return Settings(draws=settings.draws, dtype="float64", device=CPU.type, seed=settings.seed)
