"""Weights with which a chain of affine layers and ReLUs computes a sum of hinges: found, and proved to do so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from archtool.algebra.hinges import Input, Sum, constant, of_input, relu, total
from archtool.realize.fitting.chain import Affine, Chain, Position, positions_of
from archtool.realize.fitting.units import Level, Made, levels

ONE = Fraction(1)


class NoWeights(Exception):
    """No weights were found for a chain, and why."""


@dataclass
class Matrix:
    """The weights of one layer that are not 0: by (output, input, tap), and biases by output."""

    affine: Affine
    weights: dict[tuple[int, int, Position], Fraction] = field(default_factory=dict)
    biases: dict[int, Fraction] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """Weights for a chain: `matrices` in its order; the position of the output that they were made for, the input
    position that is its own there, and the tap of the first layer that reads it."""

    matrices: tuple[Matrix, ...]
    output: Position
    own: Position
    own_tap: Position
    levels: tuple[Level, ...]

    def values(self, chain: Chain) -> dict[str, Any]:
        """All weights that are not 0 as nested lists, by a parameter's name; whole numbers are ints."""
        found: dict[str, Any] = {}
        for matrix in self.matrices:
            affine = matrix.affine
            flat: dict[tuple[int, ...], Fraction] = {
                (out, into, *tap): value for (out, into, tap), value in matrix.weights.items()
            }
            found[f"{affine.name}.weight"] = _nested(flat, (affine.out, affine.ins, *affine.kernel))
            if affine.bias:
                found[f"{affine.name}.bias"] = _nested({(k,): v for k, v in matrix.biases.items()}, (affine.out,))
        for name, channels in chain.norms:
            found[f"{name}.weight"] = [1] * channels
        return found


def _nested(values: Mapping[tuple[int, ...], Fraction], sizes: Sequence[int], at: tuple[int, ...] = ()) -> Any:
    if len(at) == len(sizes):
        value = values.get(at, Fraction(0))
        return int(value) if value.denominator == 1 else float(value)
    return [_nested(values, sizes, (*at, index)) for index in range(sizes[len(at)])]


def build(of: Sum, chain: Chain, nonnegative: Iterable[Input], is_positive: bool) -> Built:
    """Weights with which a chain computes a sum; raises NoWeights. `is_positive`: the sum is at least 0 wherever it is
    asked for, so that a last ReLU passes it."""
    known = frozenset(nonnegative)
    hidden = len(chain.stages) - 1
    if chain.ends_bent:
        if len(of.hinges) == 1 and of.is_nonnegative() and not of.constant:
            ((inner, factor),) = of.hinges
            of = inner * factor
        elif not is_positive and not of.is_nonnegative(known):
            raise NoWeights("its last ReLU passes no negative number")
    if of.depth > hidden:
        raise NoWeights(f"hidden layers of ReLUs needed by this construction: {of.depth}, there: {hidden}")
    reasons = []
    for by_input in (False, True):
        try:
            planned = levels(of, hidden, known, by_input)
            return _laid_out(of, planned, chain)
        except NoWeights as error:
            reasons.append(str(error))
    raise NoWeights(reasons[0])


def _laid_out(of: Sum, planned: Sequence[Level], chain: Chain) -> Built:
    matrices: list[Matrix] = []
    own = chain.affines[0].middle
    for number, stage in enumerate(chain.stages):
        asked = planned[number].before if number < len(planned) else (of,)
        if number == 0:
            made = [Made(each.constant, each.inputs) for each in asked]
            laid, own = _first_stage(stage, made)
        else:
            laid = _stage(stage, [planned[number - 1].made(each) for each in asked])
        matrices += laid
    output, place = _place(chain, matrices, own)
    return Built(tuple(matrices), output, place, own, tuple(planned))


def _first_stage(stage: Sequence[Affine], made: Sequence[Made]) -> tuple[list[Matrix], Position]:
    """The first stage reads inputs: those beside the own position in its first layer."""
    first = stage[0]
    inputs = [each for one in made for each, _ in one.factors if isinstance(each, Input)]
    offsets = {each.offset for each in inputs if each.offset}
    if not offsets:
        by_channel = [
            Made(one.constant, tuple((x.channel, a) for x, a in one.factors if isinstance(x, Input))) for one in made
        ]
        return _stage(stage, by_channel), first.middle
    for own in first.taps:
        taps = {offset: _tap(first, own, offset) for offset in offsets} | {(): own}
        if None not in taps.values():
            break
    else:
        raise NoWeights(f"'{first.name}' does not reach so far")
    if any(layer.out < len(made) for layer in stage):
        raise NoWeights(_too_narrow(stage, len(made)))
    matrix = Matrix(first)
    for row, one in enumerate(made):
        for each, factor in one.factors:
            assert isinstance(each, Input)  # of the first stage
            tap = taps[each.offset]
            assert tap is not None  # found above
            matrix.weights[row, each.channel, tap] = factor
    later = [Matrix(layer, {(row, row, layer.middle): ONE for row in range(len(made))}) for layer in stage[1:]]
    _shift([matrix, *later], made)
    return [matrix, *later], own


def _tap(affine: Affine, own: Position, offset: Position) -> Position | None:
    """The tap that reads what lies at an offset from what the own tap reads."""
    if len(offset) != len(affine.kernel):
        return None
    found = []
    for at, by, step, size in zip(own, offset, affine.step, affine.kernel, strict=True):
        if by % step or not 0 <= at + by // step < size:
            return None
        found.append(at + by // step)
    return tuple(found)


def _stage(stage: Sequence[Affine], made: Sequence[Made]) -> list[Matrix]:
    """One layer of a stage adds up; those before it pass on what it takes, those behind it what it makes."""
    taken = sorted({unit for one in made for unit, _ in one.factors if isinstance(unit, int)})
    for place, layer in enumerate(stage):
        if any(each.out < len(taken) for each in stage[:place]) or any(each.out < len(made) for each in stage[place:]):
            continue
        if any(one.constant for one in made) and not any(each.bias for each in stage[place:]):
            continue
        matrices = [Matrix(each) for each in stage]
        channels = {unit: unit for unit in taken}
        for matrix in matrices[:place]:
            compact = {unit: row for row, unit in enumerate(taken)}
            matrix.weights.update({(compact[u], channels[u], matrix.affine.middle): ONE for u in taken})
            channels = compact
        for row, one in enumerate(made):
            for unit, factor in one.factors:
                assert isinstance(unit, int)  # of a stage that takes units or channels
                matrices[place].weights[row, channels[unit], layer.middle] = factor
        for matrix in matrices[place + 1 :]:
            matrix.weights.update({(row, row, matrix.affine.middle): ONE for row in range(len(made))})
        _shift(matrices[place:], made)
        return matrices
    raise NoWeights(_too_narrow(stage, len(made)))


def _shift(matrices: Sequence[Matrix], made: Sequence[Made]) -> None:
    """Constants go into the last bias there is."""
    constants = {row: one.constant for row, one in enumerate(made) if one.constant}
    if not constants:
        return
    for matrix in reversed(matrices):
        if matrix.affine.bias:
            matrix.biases.update(constants)
            return
    raise NoWeights(f"'{matrices[0].affine.name}' has no bias, and the target a constant")


def _too_narrow(stage: Sequence[Affine], units: int) -> str:
    narrow = min(stage, key=lambda each: each.out)
    if narrow.out < units:
        return f"channels of '{narrow.name}' needed by this construction: {units}, there: {narrow.out}"
    return f"'{stage[-1].name}' has no bias, and the target a constant"


def _place(chain: Chain, matrices: Sequence[Matrix], own: Position) -> tuple[Position, Position]:
    """A position of the output whose windows lie inside the input, and the input's position that is its own."""
    first, *later = matrices
    taps = {tap for _, _, tap in first.weights} | {own}
    for output in positions_of(chain.output):
        at: Position | None = output
        for matrix in reversed(later):
            if at is not None:
                at = matrix.affine.read(_within(matrix.affine, at), matrix.affine.middle)
        if at is None:
            continue
        at = _within(first.affine, at)
        if all(first.affine.read(at, tap) is not None for tap in taps):
            place = first.affine.read(at, own)
            assert place is not None  # as just seen
            return output, place
    raise NoWeights("no output position has all its windows inside the input")


def _within(affine: Affine, at: Position) -> Position:
    """A position in the layout of a layer's output: a vector that is flattened is the one position there is."""
    return at if len(at) == len(affine.kernel) or not affine.kernel else (0,) * len(affine.kernel)


def computed(built: Built, chain: Chain, nonnegative: Iterable[Input] = ()) -> Sum:
    """What a chain computes with these weights at its output position, worked out from them as a sum of hinges."""
    known = frozenset(nonnegative)
    values: dict[int, Sum] = {}
    matrices = iter(built.matrices)
    for number, stage in enumerate(chain.stages):
        for place in range(len(stage)):
            values = _through(next(matrices), values if number or place else None, built.own_tap)
        if number < len(chain.stages) - 1 or chain.ends_bent:
            values = {channel: relu(value, known) for channel, value in values.items()}
    return values.get(0, Sum())


def _through(matrix: Matrix, values: Mapping[int, Sum] | None, own: Position) -> dict[int, Sum]:
    """A layer's outputs from its inputs; from the network's where `values` is None."""
    parts: dict[int, list[tuple[Sum, Fraction]]] = {}
    for (out, into, tap), factor in matrix.weights.items():
        if values is None:
            step = matrix.affine.step
            offset = tuple(by * (at - here) for at, here, by in zip(tap, own, step, strict=True))
            value = of_input(Input(into, offset if any(offset) else ()))
        else:
            assert tap == matrix.affine.middle  # all others are 0
            value = values.get(into, Sum())
        parts.setdefault(out, []).append((value, factor))
    for out, bias in matrix.biases.items():
        parts.setdefault(out, []).append((constant(bias), ONE))
    return {out: total(each) for out, each in parts.items()}
