"""One network under several FLOP conventions: what each counts, term by term, and where it is known to be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from archtool.analysis.modes import is_training
from archtool.analysis.numbers import whole
from archtool.analysis.operations.convention import Convention, Fault, Number, called_as_function, events, plain
from archtool.analysis.operations.conventions import convention, shipped_conventions
from archtool.analysis.operations.gradients import Gradients
from archtool.analysis.operations.touching import touching_network
from archtool.analysis.options import check_batch
from archtool.analysis.tally import Counted, tally
from archtool.cost import MACS, TERMS
from archtool.errors import RuleError, nearest
from archtool.runs import BlockRun

if TYPE_CHECKING:
    import os

    from archtool.design import Design

FIRST: Final = ("archtool", "macs", "torch")  # columns in this order, before the others; those that price training


@dataclass(frozen=True, kw_only=True, slots=True)
class TermRow:
    """A cost term or measure: how often it occurs, and what that counts under each convention."""

    term: str
    count: int
    amounts: tuple[Number, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultFound:
    """A fault that a convention has on this network: how much too much it counts, too little where negative."""

    convention: str
    unit: str
    fault: Fault
    amount: Number


@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """Events by term when training: the forward pass, and the backward pass with respect to inputs and to weights."""

    forward: Mapping[str, int]
    inputs: Mapping[str, int]
    weights: Mapping[str, int]

    def of(self, term: str) -> tuple[int, int, int]:
        """A term's events in the three passes."""
        return self.forward.get(term, 0), self.inputs.get(term, 0), self.weights.get(term, 0)

    @property
    def macs(self) -> tuple[int, int, int]:
        """Multiply-accumulates in the three passes."""
        forward, inputs, weights = zip(*map(self.of, MACS), strict=True)
        return sum(forward), sum(inputs), sum(weights)

    def to_dict(self) -> dict[str, dict[str, int]]:
        """The passes as JSON."""
        return {"forward": dict(self.forward), "inputs": dict(self.inputs), "weights": dict(self.weights)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Flops:
    """What conventions count on a network, for `batch` inputs: rows of terms, totals in the conventions' order.

    `passes` is there when training; then counts are those of all three passes together.

    >>> from archtool import load
    >>> load("resnet50").flops("fvcore", "ptflops").totals
    (4111512576, 4132436968)
    """

    name: str
    batch: int
    mode: str
    exact_padding: bool
    conventions: tuple[Convention, ...]
    rows: tuple[TermRow, ...]
    totals: tuple[Number, ...]
    faults: tuple[FaultFound, ...]
    passes: Passes | None = field(default=None)

    def total(self, name: str) -> Number:
        """A convention's total by its name; raises RuleError where it was not asked for."""
        for each, total in zip(self.conventions, self.totals, strict=True):
            if each.name == name:
                return total
        raise RuleError(f"'{name}' is not among these conventions" + nearest(name, [c.name for c in self.conventions]))

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON."""
        names = [each.name for each in self.conventions]
        return {
            "name": self.name,
            "batch": self.batch,
            "mode": self.mode,
            "exact_padding": self.exact_padding,
            "conventions": [{"name": each.name, "unit": each.unit} for each in self.conventions],
            "totals": dict(zip(names, map(_json, self.totals), strict=True)),
            "rows": [
                {
                    "term": row.term,
                    "count": row.count,
                    "amounts": dict(zip(names, map(_json, row.amounts), strict=True)),
                }
                for row in self.rows
            ],
            "faults": [
                {
                    "convention": each.convention,
                    "name": each.fault.name,
                    "about": each.fault.about,
                    "excess": _json(each.amount),
                }
                for each in self.faults
            ],
            "passes": self.passes and self.passes.to_dict(),
        }


def flops(
    design: Design,
    chosen: Sequence[str | os.PathLike[str] | Convention] = (),
    *,
    mode: str = "inference",
    exact_padding: bool = False,
    batch: int = 1,
) -> Flops:
    """A design under the chosen conventions; under all shipped ones, or those that price training, where none is.

    Raises RuleError for an unknown mode, and where a convention has no prices for a backward pass; SpecError for an
    unknown convention.
    """
    training = is_training(mode)
    check_batch(batch)
    conventions = tuple(map(convention, chosen)) if chosen else _default(training)
    _check_names(conventions)
    network = touching_network(design.run) if exact_padding else design.run
    layers, functional = tally(network), design.spec.functional
    passes = _passes(network, batch) if training else None
    if passes is not None:
        _check_priced(conventions)
        terms = {term: sum(passes.of(term)) for term in TERMS}
        rows = tuple(_trained_row(term, count, conventions) for term, count in terms.items() if count)
    else:
        rows = tuple(_rows(conventions, layers, functional, batch))
    totals = tuple(plain(sum((row.amounts[index] for row in rows), Fraction())) for index in range(len(conventions)))
    return Flops(
        name=design.name,
        batch=batch,
        mode=mode,
        exact_padding=exact_padding,
        conventions=conventions,
        rows=rows,
        totals=totals,
        faults=tuple(_faults(conventions, layers, functional, batch, training)),
        passes=passes,
    )


def _default(training: bool) -> tuple[Convention, ...]:
    first = tuple(map(convention, FIRST))
    return first if training else (*first, *(each for each in shipped_conventions() if each.name not in FIRST))


def _check_names(conventions: Sequence[Convention]) -> None:
    names = [each.name for each in conventions]
    for name in names:
        if names.count(name) > 1:
            raise RuleError(f"two of these conventions are called '{name}'")


def _check_priced(conventions: Sequence[Convention]) -> None:
    for each in conventions:
        if each.measures:
            raise RuleError(f"'{each.name}' prices '{each.measures[0]}', which has no backward pass; choose others")


def _passes(network: BlockRun, batch: int) -> Passes:
    backward = Gradients().of(network)
    forward = {term: batch * whole(count) for term, count in network.cost.operations.items()}
    inputs, weights = ({term: batch * n for term, n in part.items() if n} for part in backward)
    return Passes(forward=forward, inputs=inputs, weights=weights)


def _trained_row(term: str, count: int, conventions: Sequence[Convention]) -> TermRow:
    amounts = tuple(plain(each.weights.get(term, 0) * count) for each in conventions)
    return TermRow(term=term, count=count, amounts=amounts)


def _rows(
    conventions: Sequence[Convention], layers: Sequence[Counted], functional: frozenset[str], batch: int
) -> Iterator[TermRow]:
    """The terms that occur, in the order of the table of terms, then the measures that count something."""
    weighed = {term for each in conventions for term in (*each.weights, *(each.functional or ()))}
    for term in (*TERMS, *sorted(weighed - set(TERMS))):
        found = [(run, batch * times * count) for run, times in layers if (count := whole(events(run, term)))]
        amounts = tuple(
            plain(sum((count * each.weights_of(run, functional).get(term, 0) for run, count in found), Fraction()))
            for each in conventions
        )
        if found and (term in TERMS or any(amounts)):
            yield TermRow(term=term, count=sum(count for _, count in found), amounts=amounts)


def _faults(
    conventions: Sequence[Convention],
    layers: Sequence[Counted],
    functional: frozenset[str],
    batch: int,
    training: bool,
) -> Iterator[FaultFound]:
    for each in conventions:
        for fault in each.faults:
            if training != (fault.scope == "training"):
                continue
            amount: Number = Fraction()
            for run, times in layers:
                as_function = called_as_function(run, functional)
                if fault.scope in ("all", "training") or as_function == (fault.scope == "functional"):
                    excess = (weight * whole(events(run, term)) for term, weight in fault.excess.items())
                    amount += batch * times * sum(excess)
            if amount:
                yield FaultFound(convention=each.name, unit=each.unit, fault=fault, amount=plain(amount))


def _json(number: Number) -> int | float:
    return number if isinstance(number, int) else float(number)
