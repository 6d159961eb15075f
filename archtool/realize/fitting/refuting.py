"""Why no weights make a network a target: what every such network satisfies by its structure, and the target not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from archtool.algebra.finding import Basis, Finding, Witness, unknown
from archtool.algebra.structure.degree import affine, positively_homogeneous
from archtool.algebra.structure.pointwise import pointwise
from archtool.algebra.targets import Row, Target, points_around
from archtool.flatten import FlatNetwork
from archtool.realize.fitting.tables import dependency

EXACT: Final = Basis("witness", "exact values of the target")
FACTORS: Final = (Fraction(0), Fraction(2), Fraction(3))


class Against(NamedTuple):
    """What such a network satisfies and the target does not: a `sum` of factors of its outputs is 0 (of a nonnegative
    one, not negative), at the rows' inputs, all that the target does not read being 0."""

    witness: Witness
    sum: tuple[tuple[Fraction, Row], ...]


def refuted(flat: FlatNetwork, target: Target) -> Finding | None:
    """A proof that no weights make the network the target, from the first rule that gives one; else None."""
    rows = target.rows or tuple(Row(point, target.value(point)) for point in points_around(target, 125))
    rows = tuple(sorted(rows, key=_size))  # small numbers make witnesses that a person can check
    rules: tuple[tuple[Callable[[FlatNetwork], Finding], Callable[[Target, Sequence[Row]], Against | None]], ...] = (
        (affine, _not_affine),
        (positively_homogeneous, _not_homogeneous),
        (pointwise, _not_pointwise),
        (_nonnegative, _negative),
    )
    for rule, contradicts in rules:
        against = contradicts(target, rows)
        if against is None:
            continue
        found = rule(flat)
        if found.truth is True:
            sums = [[str(factor), [str(value) for value in row.inputs]] for factor, row in against.sum]
            return Finding(
                truth=False,
                basis=(*found.basis, EXACT),
                steps=(*found.steps, against.witness.text),
                assumptions=found.assumptions,
                witness=against.witness,
                facts={"sum": sums},
            )
    return None


def _not_affine(target: Target, rows: Sequence[Row]) -> Against | None:
    """Of an affine f, sums of f(x) with factors that add up to 0, as the x with them do, are 0."""
    factors = dependency(rows)
    if factors is None:
        return None
    least = min(abs(factor) for factor in factors if factor)
    used = [(factor / least, row) for factor, row in zip(factors, rows, strict=True) if factor]
    positive = [(factor, row) for factor, row in used if factor > 0]
    negative = [(-factor, row) for factor, row in used if factor < 0]
    left, right = (sum((factor * row.output for factor, row in side), Fraction(0)) for side in (positive, negative))
    sides = " = ".join(" + ".join(_times(factor, row) for factor, row in side) for side in (positive, negative))
    text = f"every affine f has {sides}; the target '{target.text}' has {left} there and {right}"
    return Against(Witness(text=text, left=_plain(left), right=_plain(right)), tuple(used))


def _not_homogeneous(target: Target, rows: Sequence[Row]) -> Against | None:
    """Of a positively homogeneous f, f(t x) = t f(x) for t >= 0, all that is not the target's being 0."""
    outputs = dict(rows)
    for factor in FACTORS:
        for row in rows:
            scaled = tuple(factor * value for value in row.inputs)
            if target.rows is None:
                outputs.setdefault(scaled, target.value(scaled))
            if scaled in outputs and outputs[scaled] != factor * row.output:
                left, right = outputs[scaled], factor * row.output
                told = f"f{_point(scaled)} = {factor} * f{_point(row.inputs)}" if factor else f"f{_point(scaled)} = 0"
                text = f"every positively homogeneous f has {told}; the target '{target.text}' has {left} and {right}"
                witness = Witness(text=text, left=_plain(left), right=_plain(right))
                return Against(witness, ((Fraction(1), Row(scaled, left)), (-factor, row)))
    return None


def _not_pointwise(target: Target, rows: Sequence[Row]) -> Against | None:
    """A pointwise f sees one position: two inputs that agree there give one output, whichever of the target's positions
    it is."""
    offsets = sorted({each.offset for each in target.inputs})
    pairs = []
    for offset in offsets:
        there = [place for place, each in enumerate(target.inputs) if each.offset == offset]
        known: dict[tuple[Fraction, ...], Row] = {}
        pair = None
        for row in rows:
            other = known.setdefault(tuple(row.inputs[place] for place in there), row)
            if other.output != row.output:
                pair = other, row
                break
        if pair is None or len(offsets) < 2:
            return None
        pairs.append(pair)
    if not pairs:
        return None
    one, other = pairs[0]
    names = f"({', '.join(map(str, target.inputs))})"
    own = "its own position" if not offsets[0] else f"the position at {list(offsets[0])}"
    text = (
        f"with {names} = {_point(one.inputs)} and {_point(other.inputs)}, equal at {own}, every pointwise f has one"
        f" output there; the target '{target.text}' has {one.output} and {other.output}"
    )
    witness = Witness(text=text, left=_plain(one.output), right=_plain(other.output))
    return Against(witness, ((Fraction(1), one), (Fraction(-1), other)))


def _nonnegative(flat: FlatNetwork) -> Finding:
    """Whether a network's output is at least 0 for all weights: what a ReLU makes is."""
    (number,) = flat.outputs.values()
    last = next((layer for layer in flat.layers if layer.target == number), None)
    if last is None or last.run.kind != "relu":
        return unknown("its output is not a ReLU's")
    return Finding(truth=True, basis=(Basis("structure", "nonnegative"),), steps=(f"{last.name}: relu, at least 0",))


def _negative(target: Target, rows: Sequence[Row]) -> Against | None:
    """Of a nonnegative f, f(x) >= 0."""
    for row in rows:
        if row.output < 0:
            text = f"every nonnegative f has f{_point(row.inputs)} >= 0; the target '{target.text}' has {row.output}"
            return Against(Witness(text=text, left=_plain(row.output), right=0), ((Fraction(1), row),))
    return None


def _size(row: Row) -> tuple[Fraction, int]:
    """How large the inputs are, negative ones being a little larger."""
    return sum(map(abs, row.inputs), Fraction(0)), sum(value < 0 for value in row.inputs)


def _times(factor: Fraction, row: Row) -> str:
    return f"f{_point(row.inputs)}" if factor == 1 else f"{factor} f{_point(row.inputs)}"


def _point(values: Sequence[Fraction]) -> str:
    return f"({', '.join(map(str, values))})"


def _plain(value: Fraction) -> int | str:
    """A number as JSON holds it exactly."""
    return int(value) if value.denominator == 1 else str(value)
