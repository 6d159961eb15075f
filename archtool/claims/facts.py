"""Facts about networks with the values that their sizes have: from their structure, else by a test in torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from archtool.algebra.finding import Finding, unknown
from archtool.claims.parts import Fact
from archtool.claims.roster import Reading
from archtool.claims.words import PROPERTIES
from archtool.errors import MissingExtra, RuleError
from archtool.flatten import FlatNetwork
from archtool.size import less
from archtool.spec.numbers import brief

if TYPE_CHECKING:
    from archtool.algebra.settings import Settings

STRUCTURE: Final[Mapping[str, str]] = {  # where the rules for a property are
    "pointwise": "pointwise",
    "linear": "degree",
    "affine": "degree",
    "positively_homogeneous": "degree",
    "additive_over_positions": "additive",
    "additive_over_channels": "additive",
    "translation_equivariant": "translation",
    "translation_invariant": "invariance",
    "permutation_equivariant": "permutation",
    "flip_equivariant": "symmetry",
    "rotation_equivariant": "symmetry",
    "shape_preserving": "shapes",
    "mixes_channels": "mixing_channels",
    "identity_at_init": "initial",
}
NO_STRUCTURE: Final = "its structure does not tell"
UNTESTED: Final = "not tested in torch"
MOST_NUMBERS: Final = 200_000_000  # parameters and activations of a network that is built in torch, 8 bytes each


def structural(fact: Fact, reading: Reading) -> Finding:
    """What the structure of the networks says; on symbols, for all their values."""
    on_symbols = reading.evaluation.trace is not None
    places = [reading.placed(subject) for subject in fact.subjects]
    is_property = fact.function in PROPERTIES
    flats = [each.outline() if on_symbols or (is_property and each.is_deep) else each.flat() for each in places]
    if is_property:
        rule: Callable[..., Finding] = getattr(_rules(fact.function), fact.function)
        return rule(*flats, **fact.options)
    if fact.function == "fits":
        return unknown(NO_STRUCTURE)
    from archtool.algebra import relations

    relation: Callable[[FlatNetwork, FlatNetwork], Finding] = getattr(relations, fact.function)
    return relation(*flats)


def _rules(function: str) -> Any:
    return import_module(f"archtool.algebra.structure.{STRUCTURE[function]}")


def decided(fact: Fact, reading: Reading, settings: Settings | None) -> Finding:
    """A fact about networks on numbers: by their structure, and tested in torch too; with no settings not tested."""
    found = structural(fact, reading)
    if settings is None:
        return found if found.truth is not None else found.but(reason=f"{found.reason}; {UNTESTED}")
    try:
        return _tested(fact, reading, found, settings)
    except (MissingExtra, RuleError) as error:  # no torch, or more layers than it can be asked about
        if found.truth is None:
            return found.but(reason=f"{found.reason}; {error}")
        return found.but(steps=(*found.steps, f"{UNTESTED}: {error}"))


def _tested(fact: Fact, reading: Reading, found: Finding, settings: Settings) -> Finding:
    places = [reading.placed(subject) for subject in fact.subjects]
    for each in places:
        numbers = each.run.cost.params + each.run.cost.activations
        if less(MOST_NUMBERS, numbers) is not False:
            what = f"{each.text} has {brief(numbers)} parameters and activations"
            raise RuleError(f"{what}; tests have room for {MOST_NUMBERS:,}")
    flats = [each.flat() for each in places]
    if fact.function in PROPERTIES:
        from archtool.realize.properties import test

        return test(fact.function, flats[0], found, settings, **fact.options)
    if fact.function == "fits":
        from archtool.algebra.targets import target
        from archtool.realize.fitting import fits

        wanted = target(fact.options["target"], fact.options.get("on"))
        return fits(flats[0], wanted, settings, fact.options.get("error"))
    from archtool.realize import relations

    relation: Callable[..., Finding] = getattr(relations, fact.function)
    return _named(relation(*flats, settings), fact)


def _named(found: Finding, fact: Fact) -> Finding:
    """A finding that tells two networks apart, its witness with their names."""
    invariant, witness = found.facts.get("invariant"), found.witness
    if found.truth is not False or invariant is None or witness is None or not witness.recipe:
        return found
    broken, kept = (subject.text for subject in (reversed(fact.subjects) if is_of_second(found) else fact.subjects))
    told = f"{kept} is {invariant} for all weights, {broken} is not: {witness.text}"
    return found.but(witness=replace(witness, text=told))


def is_of_second(found: Finding) -> bool:
    """Whether a witness that tells two networks apart is one of the second of them."""
    return bool(found.facts.get("of") == "right")
