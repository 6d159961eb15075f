"""Memory on expressions: what is alive at each moment is a sum, and the peak the greatest of these sums.

Only the moments before something is let go count: none before was greater.
"""

from __future__ import annotations

from typing import Final

from archtool.analysis.retention.cases import NEVER, Cases, among, both, cases, either, one_holds
from archtool.analysis.retention.greatest import Sum, greatest
from archtool.size import Condition, Size, negate, where
from archtool.trace import Expr, linear

HIGHEST: Final = 0  # what a `Heap` tells of its moments, this one does not


class VaryingHeap:
    """A heap, as `Heap`, of sizes that vary; what is alive may be so in some designs alone.

    A claim is a holder's share in storages: one, or one of two as an open condition has it, each in some cases.
    """

    high = live = HIGHEST

    def __init__(self) -> None:
        self._when: Cases = cases(True)
        self._sizes: list[Size] = []
        self._holders: list[dict[int, Cases]] = []  # of each storage: its claims
        self._claims: dict[int, dict[int, Cases]] = {}  # its storages, and when it holds them
        self._owners: dict[int, set[int]] = {}  # of a claim that holds nothing itself: those that do
        self._made = 0
        self._alive: list[Size] = []  # of each storage: the bytes that count
        self._constant = 0
        self._terms: dict[Expr, int] = {}
        self._rises = False
        self._moments: dict[frozenset[tuple[Expr, int]], int] = {}  # terms of sums, and their constants

    @property
    def peak(self) -> Size:
        """The most that there ever was."""
        self._note()
        return greatest(Sum(constant, dict(terms)) for terms, constant in self._moments.items())

    def begin(self, taken: Condition) -> None:
        """What follows happens in the designs where a condition holds."""
        self._when = cases(taken)

    def take(self, name: str, what: str, size: Size) -> int:
        """New memory, with one holder; its claim."""
        self._sizes.append(size)
        self._holders.append({})
        self._alive.append(0)
        claim = self._claim({len(self._sizes) - 1: self._when})
        self._rises = True
        return claim

    def hold(self, claim: int) -> int:
        """One holder more, in the designs that this happens in; its claim."""
        return self._claim({storage: both(held, self._when) for storage, held in self._claims[claim].items()})

    def either(self, condition: Condition, yes: int, no: int) -> int:
        """A claim on what one of two holds, which holds nothing itself."""
        self._made += 1
        parts: dict[int, Cases] = {}
        for claim, taken in ((yes, condition), (no, negate(condition))):
            for storage, held in self._claims[claim].items():
                parts[storage] = either(parts.get(storage, NEVER), both(held, cases(taken)))
        self._claims[self._made] = parts
        self._owners[self._made] = self._owners.get(yes, {yes}) | self._owners.get(no, {no})
        return self._made

    def drop(self, claim: int) -> None:
        """One holder less."""
        self._note()
        for storage in self._claims.pop(claim):
            del self._holders[storage][claim]
            self._count(storage)

    def narrow(self, claim: int, condition: Condition) -> None:
        """A holder that holds on in the designs where a condition holds."""
        self._note()
        kept = cases(condition)
        parts = self._claims[claim] = {storage: both(held, kept) for storage, held in self._claims[claim].items()}
        for storage, held in parts.items():
            self._holders[storage][claim] = held
            self._count(storage)

    def is_shared(self, claim: int) -> Condition:
        """Whether others hold it too, in the designs that this happens in."""
        found, owners = NEVER, self._owners.get(claim, {claim})
        for storage, held in self._claims[claim].items():
            others = either(*[cases for other, cases in self._holders[storage].items() if other not in owners])
            found = either(found, both(held, self._when, others))
        return among(found, self._when)

    def _note(self) -> None:
        """Note what is alive, where it has become more since this was done last."""
        if self._rises:
            self._rises = False
            moment = frozenset(self._terms.items())
            self._moments[moment] = max(self._constant, self._moments.get(moment, self._constant))

    def _claim(self, parts: dict[int, Cases]) -> int:
        self._made += 1
        self._claims[self._made] = parts
        for storage, held in parts.items():
            self._holders[storage][self._made] = held
            self._count(storage)
        return self._made

    def _count(self, storage: int) -> None:
        """Count a storage's bytes in the designs where somebody holds it."""
        alive = where(one_holds(either(*self._holders[storage].values())), self._sizes[storage], 0)
        before, self._alive[storage] = self._alive[storage], alive
        if alive is not before:
            for size, sign in ((alive, 1), (before, -1)):
                constant, terms = linear(size)
                self._constant += sign * constant
                for term, factor in terms.items():
                    total = self._terms.get(term, 0) + sign * factor
                    if total:
                        self._terms[term] = total
                    else:
                        del self._terms[term]
