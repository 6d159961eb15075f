"""The search for weights and inputs that break a property, and what follows from what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final, NamedTuple

import torch

from archtool.algebra.finding import SAMPLES, Basis, Finding, unknown
from archtool.algebra.settings import Settings
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.draws import Draw, weighted
from archtool.realize.expressions import Expression
from archtool.realize.forward import chosen_device, chosen_dtype
from archtool.realize.properties.laws import Judge, Law, Sides, Violation, place_of, simpler
from archtool.realize.properties.plan import Drawn, Pair, operations, plan

Laws = Callable[[Expression, Expression, int], Iterable[Law]]  # of two inputs and the number of the draw
SHRINKING: Final = 10**9  # operations that making a counterexample smaller may take
MOST_ATTEMPTS: Final = 100
DISAGREE: Final = "structure and torch disagree: please report"


class Searched(NamedTuple):
    """What a search found: a violation, or none in so many draws, the largest error of all. `rough` is the largest
    where it is beyond the tolerance and was rounding after all."""

    violation: Violation | None
    draws: int
    error: float
    rough: float = 0.0


def searched(flat: FlatNetwork, settings: Settings, laws: Laws, forwards: int, proved: bool) -> Searched:
    """Test laws on a network whose weights and inputs are drawn, running it so many times for each draw."""
    device, dtype = chosen_device(settings.device), chosen_dtype(settings.dtype)
    if device.type == "meta":
        raise RuleError("device: the meta device has no numbers to test with")
    judge = Judge(flat, settings.allowed)
    here = dtype == torch.float64 and device.type == "cpu"
    count, error, rough = 0, 0.0, 0.0
    for turn, drawn in enumerate(plan(flat, settings, forwards, proved)):
        if here:
            sides = judge.sides(drawn.weights)
        else:
            sides = Sides(flat, weighted(flat, drawn.weights, dtype, device), dtype, device)
        x, y = drawn.inputs
        finite = True
        for number, law in enumerate(laws(x, y, turn)):
            place = place_of(*sides.of(law), law.masks)
            if place is None:
                finite = False
                continue
            error = max(error, place.relative if place.relative <= settings.allowed else 0.0)
            if place.difference == 0 or (place.relative <= settings.allowed and drawn.weights.kind != "integers"):
                continue
            violation = judge.violation(drawn.weights, [law])
            if violation is not None:
                return Searched(shrunk(flat, judge, drawn, _one(laws, number), turn, violation), turn + 1, error)
            if place.relative > settings.allowed:
                rough = max(rough, place.relative)
        count += finite
    return Searched(None, count, error, rough)


def _one(laws: Laws, number: int) -> Laws:
    """One of the laws alone."""
    return lambda x, y, turn: islice(laws(x, y, turn), number, number + 1)


def shrunk(flat: FlatNetwork, judge: Judge, drawn: Drawn, laws: Laws, turn: int, violation: Violation) -> Violation:
    """A simpler violation of the same laws: smaller weights, fewer of them, inputs with fewer numbers."""
    attempts = min(MOST_ATTEMPTS, SHRINKING // (4 * operations(flat)))
    weights = drawn.weights
    x, y = drawn.inputs
    exact = violation.basis.kind != SAMPLES

    def better(weights: Draw, x: Expression, y: Expression) -> Violation | None:
        nonlocal attempts, exact
        if attempts <= 0:
            return None
        attempts -= 1
        found = judge.violation(weights, laws(x, y, turn))
        if found is None or (exact and found.basis.kind == SAMPLES):
            return None
        exact = found.basis.kind != SAMPLES
        return found

    for draws in _simpler_inputs(drawn):
        found = better(weights, *draws)
        if found is not None:
            violation, (x, y) = found, draws
            break
    for what, numbers in _parts(flat):
        for number in numbers:
            parts: Pair = (["only", what, [number], x], ["only", what, [number], y])
            found = better(weights, *parts)
            if found is not None:
                violation, (x, y) = found, parts
                break
    names = [name for name, _ in judge.network(weights).named_parameters()]
    names.sort(key=lambda name: not name.endswith("bias"))
    for each in simpler(weights, names):
        each = replace(each, zeroed=tuple(dict.fromkeys((*weights.zeroed, *each.zeroed))))
        if (each.low, each.high) == (weights.low, weights.high) or each.zeroed == weights.zeroed:
            found = better(each, x, y)
            if found is not None:
                violation, weights = found, each
    return violation


def _simpler_inputs(drawn: Drawn) -> Iterator[Pair]:
    """Inputs of signs, of few numbers, of the same scale."""
    for density in (0.2, 1.0):
        x, y = (
            Draw(kind="integers", low=-1, high=1, density=density, scale=each.scale, seed=each.seed)
            for each in (drawn.x, drawn.y)
        )
        if (x, y) != (drawn.x, drawn.y):
            yield drawn._replace(x=x, y=y).inputs


def _parts(flat: FlatNetwork) -> Iterator[tuple[str, range]]:
    """What of the inputs may be left alone: a position, a channel."""
    shapes = flat.inputs.values()
    yield "positions", range(min(64, max(as_int(shape.positions) for shape in shapes)))
    yield "channels", range(min(16, max(as_int(shape.channels) for shape in shapes)))


def concluded(structural: Finding, search: Searched, settings: Settings, **facts: Any) -> Finding:
    """What follows from the structure and from a search for a counterexample together."""
    facts = {**structural.facts, **facts}
    if search.violation is not None:
        witness, basis = search.violation
        if structural.truth is True:
            reason = f"{DISAGREE} ({witness.text})"
            return unknown(reason, assumptions=structural.assumptions, witness=witness, facts=facts)
        return Finding(
            truth=False, basis=(basis,), steps=(witness.text,), assumptions=structural.assumptions, witness=witness,
            facts=facts,
        )  # fmt: skip
    tested = (
        f"{search.draws} draw{'s' if search.draws != 1 else ''}, {settings.dtype}, {settings.device}, "
        f"largest error {search.error:.0e}, tolerance {settings.allowed:.0e}"
    )
    if structural.truth is not None:
        return structural.but(facts={**facts, "tested": tested})
    if not search.draws:
        return _open(structural, "in every draw of weights and inputs some numbers overflow", facts)
    if search.rough:
        rough = f"in {settings.dtype} the two sides differ by {search.rough:.1g} of the largest, which is rounding"
        return _open(structural, f"{rough}: in float64 no difference is beyond it", facts)
    if structural.objects:
        return _open(structural, f"no counterexample in {tested}", facts)
    return Finding(
        truth=True,
        basis=(*structural.basis, Basis(SAMPLES, tested)),
        steps=structural.steps,
        assumptions=structural.assumptions,
        facts=facts,
    )


def _open(structural: Finding, reason: str, facts: dict[str, Any]) -> Finding:
    reasons = "; ".join(filter(None, (structural.reason, reason)))
    return structural.but(truth=None, reason=reasons, facts=facts)
