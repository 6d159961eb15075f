"""Whether a network can be a small function: by weights that are built or, at worst, trained; or never by structure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import torch

from archtool.algebra.finding import SAMPLES, Basis, Finding, unknown
from archtool.algebra.hinges import Input, Sum
from archtool.algebra.settings import Settings
from archtool.algebra.structure.flow import AT_INFERENCE
from archtool.algebra.targets import Row, Target, points_around
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize.draws import Draw, weighted
from archtool.realize.fitting.building import Built, NoWeights, build, computed
from archtool.realize.fitting.chain import Chain, NoChain, chain_of
from archtool.realize.fitting.placing import Place, checked, likely, placed
from archtool.realize.fitting.refuting import refuted
from archtool.realize.fitting.tables import hinge_sums
from archtool.realize.fitting.training import trained
from archtool.shape import Shape

LONGEST_WEIGHTS: Final = 400  # characters, that a derivation shows them
ROUNDING: Final = 1e-12  # of torch's output against the exact one, where weights or inputs are no binary fractions


def fits(flat: FlatNetwork, target: Target, settings: Settings, error: float | None = None) -> Finding:
    """Whether some weights make the network compute the target, at one position of its output.

    True by weights that are built and proved (`facts["weights"]`, by a parameter's name); False where its structure
    rules it out (`facts["sum"]`, see Against); with an `error` also True, on samples, where training on the rows of a
    table ends within it (what it does at some points says nothing of an expression's others). Else unknown: that
    nothing was found proves nothing. Raises RuleError for a target that the network's sizes do not go with.
    """
    if error is not None and not error > 0:
        raise RuleError(f"error (={error}) must be more than 0")
    shape = checked(flat, target)
    built, reason = _constructed(flat, target)
    if built is not None:
        return built
    found = refuted(flat, target)
    if found is not None:
        return found
    reason = f"no exact weights were found ({reason}), and nothing in its structure rules them out"
    if error is None:
        return unknown(reason, assumptions=(AT_INFERENCE,))
    if target.rows is None:
        reason = f"{reason}; it is trained on a table alone: on=[0, 1] says the values that the inputs take"
        return unknown(reason, assumptions=(AT_INFERENCE,))
    return _trained(flat, target, target.rows, shape, settings, error, reason)


def _constructed(flat: FlatNetwork, target: Target) -> tuple[Finding | None, str]:
    """The finding of weights that were built; or why there are none."""
    try:
        chain = chain_of(flat)
    except NoChain as error:
        return None, str(error)
    sums: Sequence[Sum] = ()
    nonnegative: frozenset[Input] = frozenset()
    is_positive = False
    if target.rows is not None:
        columns = zip(*(row.inputs for row in target.rows), strict=True)
        nonnegative = frozenset(x for x, values in zip(target.inputs, columns, strict=True) if min(values) >= 0)
        is_positive = all(row.output >= 0 for row in target.rows)
        sums = hinge_sums(target.inputs, target.rows)
    elif target.pieces is not None:
        sums = (target.pieces,)
    reasons = [] if sums else ["the target is not piecewise linear by its form"]
    for of in sums:
        try:
            built = build(of, chain, nonnegative, is_positive)
        except NoWeights as error:
            reasons.append(str(error))
            continue
        found = _proved(flat, target, of, chain, built, nonnegative)
        if found is not None:
            return found, ""
        reasons.append("weights were built, that they are right was not proved")
    return None, reasons[0]


def _proved(
    flat: FlatNetwork, target: Target, of: Sum, chain: Chain, built: Built, nonnegative: frozenset[Input]
) -> Finding | None:
    """Weights proved: what they compute, worked out from them in exact arithmetic, is the target. None where it is not
    known to be, as two sums can be one function in ways that no rule here sees."""
    does = computed(built, chain, nonnegative)
    if target.rows is not None:
        rows = target.rows
        if any(does.value(dict(zip(target.inputs, row.inputs, strict=True))) != row.output for row in rows):
            return None
        checks = f"each of the table's {len(rows)} rows in exact arithmetic: the output is the target's"
    else:
        rows = tuple(Row(point, target.value(point)) for point in points_around(target))
        if target.pieces is None or does.canonical() != target.pieces.canonical():
            return None
        checks = "with relu(-z) = relu(z) - z both sides have one form: equal for all real values of the inputs"
    place = Place(built.output, built.own, chain.output.is_tokens)
    values = built.values(chain)
    ran = _ran(flat, target, rows, place, values)
    hidden = [
        f"hidden layer {number}: " + ", ".join(f"relu({unit})" for unit in level.before)
        for number, level in enumerate(built.levels, 1)
        if level.before
    ]
    weights = ", ".join(f"{name} = {value}" for name, value in values.items())
    told = (f"weights: {weights}",) if len(weights) <= LONGEST_WEIGHTS else ()
    start = f"'{target.text}' is {of}" + (" on its rows" if target.rows is not None else "")
    return Finding(
        truth=True,
        basis=(Basis("construction", f"whole numbers or fractions as weights; {ran}"),),
        steps=(start, *hidden, f"output: {does}", checks, *told),
        assumptions=(AT_INFERENCE,),
        facts={"weights": values, "output_position": list(built.output), "input_position": list(built.own)},
    )


def _ran(flat: FlatNetwork, target: Target, rows: Sequence[Row], place: Place, values: dict[str, object]) -> str:
    """Torch's run of these weights, in words."""
    cpu = torch.device("cpu")
    network = weighted(flat, Draw(kind="given", values=values), torch.float64, cpu)
    with torch.no_grad():
        outputs = place.read(network(placed(flat, target, rows, place, 0)))
    found = [Fraction(value) for value in outputs.tolist()]
    largest = max(abs(a - row.output) for a, row in zip(found, rows, strict=True))
    scale = max([Fraction(1), *(abs(row.output) for row in rows)])
    assert largest <= ROUNDING * float(scale), f"torch's output for '{target.text}' differs by {float(largest)}"
    exactly = "exactly the target" if not largest else f"the target but for {float(largest):.0e} of rounding"
    return f"in torch, float64, {exactly} on {len(rows)} {'rows' if target.rows is not None else 'points'}"


def _trained(
    flat: FlatNetwork,
    target: Target,
    rows: Sequence[Row],
    shape: Shape,
    settings: Settings,
    error: float,
    reason: str,
) -> Finding:
    place = likely(flat, target, shape)
    if place is None:
        return unknown(f"{reason}; there is no position to train it for", assumptions=(AT_INFERENCE,))
    best = trained(flat, target, rows, place, settings, error)
    how = f"trained from seed {best.seed} (least squares, float64, CPU)"
    told = f"{how}: largest error {best.error:.1e} on the {len(rows)} rows"
    if not best.error <= error:
        return unknown(
            f"{reason}; {told}, more than {error:g}: no proof that there are none", facts={"error": best.error}
        )
    return Finding(
        truth=True,
        basis=(Basis(SAMPLES, told),),
        steps=(reason, told),
        assumptions=(AT_INFERENCE,),
        facts={"weights": best.values, "error": best.error, "seed": best.seed},
    )
