"""A FLOP convention: what a counter counts for each event, as weights over cost terms, read from a data file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Any, Final

from archtool.analysis.operations.measures import MEASURES
from archtool.cost import TERMS
from archtool.runs import LayerRun
from archtool.size import Size

Number = int | Fraction
UNITS: Final = ("multiply-adds", "flops", "operations")
SCOPES: Final = ("all", "modules", "functional", "training")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Where a counter is known to be wrong.

    `excess` says how much too much it counts (too little where negative), as weights over terms, in the counter's unit.
    `scope` says of which layers: all; those that run as modules; those called as functions; or all, when training.
    """

    name: str
    about: str
    excess: Mapping[str, Number]
    scope: str = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Convention:
    """A FLOP convention: `weights` over cost terms and measures (`conv.macs`, `relu.outputs`), in its `unit`.

    `functional` has the weights of layers that the network's code calls as functions, where the counter sees these
    otherwise than modules; None where it does not tell them apart. `limits` are rules of the counter that no weights
    say, a sentence each. All weights are whole numbers of `parts` of 1.

    >>> from archtool.analysis.operations.conventions import convention
    >>> convention("fvcore").weights["norm.batch"]
    1
    """

    name: str
    about: str
    unit: str
    source: str = ""
    version: str = ""
    weights: Mapping[str, Number]
    functional: Mapping[str, Number] | None = None
    faults: tuple[Fault, ...] = ()
    limits: tuple[str, ...] = ()
    parts: int = field(init=False)

    def __post_init__(self) -> None:
        weights = (*self.weights.values(), *(self.functional or {}).values())
        object.__setattr__(self, "parts", lcm(*(weight.denominator for weight in weights)))

    def weights_of(self, run: LayerRun, functional: frozenset[str]) -> Mapping[str, Number]:
        """The weights for a layer of a network that calls the `functional` kinds as functions."""
        if self.functional is not None and called_as_function(run, functional):
            return self.functional
        return self.weights

    def price(self, run: LayerRun, functional: frozenset[str]) -> Size:
        """What a layer counts, for one input, in `parts` of the unit."""
        price: Size = 0
        for term, weight in self.weights_of(run, functional).items():
            price = price + int(weight * self.parts) * events(run, term)
        return price

    def price_of_terms(self, operations: Mapping[str, Size]) -> Size:
        """What cost terms count, in `parts` of the unit, in a network that calls nothing as a function."""
        price: Size = 0
        for term, weight in self.weights.items():
            price = price + int(weight * self.parts) * operations.get(term, 0)
        return price

    def is_by_term(self, functional: frozenset[str]) -> bool:
        """Whether it weighs nothing but cost terms, whichever the layer, in a network that calls these as functions."""
        if self.functional is not None and functional:
            return False
        return all(term in TERMS for term in self.weights)

    @property
    def measures(self) -> tuple[str, ...]:
        """What it weighs that is no cost term."""
        return tuple(term for term in (*self.weights, *(self.functional or ())) if term not in TERMS)

    def to_dict(self) -> dict[str, Any]:
        """The convention as JSON; weights that are no whole numbers as text."""
        return {
            "name": self.name,
            "about": self.about,
            "unit": self.unit,
            "source": self.source,
            "version": self.version,
            "weights": _plain_weights(self.weights),
            "functional": None if self.functional is None else _plain_weights(self.functional),
            "faults": [
                {"name": each.name, "about": each.about, "scope": each.scope, "excess": _plain_weights(each.excess)}
                for each in self.faults
            ],
            "limits": list(self.limits),
        }

    @staticmethod
    def read(told: Mapping[str, Any]) -> Convention:
        """What `to_dict` told."""
        functional = told["functional"]
        faults = (Fault(**{**each, "excess": _read_weights(each["excess"])}) for each in told["faults"])
        read = {
            "weights": _read_weights(told["weights"]),
            "functional": None if functional is None else _read_weights(functional),
            "faults": tuple(faults),
            "limits": tuple(told["limits"]),
        }
        return Convention(**{**told, **read})


def called_as_function(run: LayerRun, functional: frozenset[str]) -> bool:
    """Whether a layer is of a kind, as written or as it is, that the network calls as a function."""
    return run.kind in functional or run.layer.kind in functional


def events(run: LayerRun, term: str) -> Size:
    """How often a cost term or a measure occurs in a layer, for one input."""
    if term in TERMS:
        return run.cost.operations.get(term, 0)
    kind, _, measure = term.rpartition(".")
    return MEASURES[measure].of(run) if run.layer.kind == kind else 0


def plain(number: Number) -> Number:
    """An int where a number is whole."""
    return number.numerator if isinstance(number, Fraction) and number.denominator == 1 else number


def _plain_weights(weights: Mapping[str, Number]) -> dict[str, int | str]:
    return {term: weight if isinstance(weight, int) else str(weight) for term, weight in weights.items()}


def _read_weights(weights: Mapping[str, int | str]) -> dict[str, Number]:
    return {term: plain(Fraction(weight)) for term, weight in weights.items()}
