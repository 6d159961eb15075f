"""Where a claim of one symbol fails: all the whole numbers, exactly."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Any, Final

from archtool.algebra.finding import Basis, Finding
from archtool.algebra.functions import floors
from archtool.algebra.integers import NotExact, Run, holds
from archtool.algebra.polynomial import Polynomial, contents, polynomial
from archtool.claims.deciding.identity import derivation, gap
from archtool.claims.deciding.question import Question
from archtool.errors import RuleError
from archtool.spec.domains import Range

MOST_WORK: Final = 20_000  # terms, times the remainders that floors tell apart
HIGHEST: Final = 24  # degree whose sign changes are looked for


def by_integers(question: Question) -> Finding | dict[str, Any] | None:
    """The finding that a claim of one symbol holds, or the first value of that symbol at which it fails; None where
    that is not told. Raises RuleError where there is no closed form of a size that can be worked with."""
    if len(question.ranges) != 1:
        return None
    ((name, domain),) = question.ranges.items()
    runs = _runs(gap(question, question.whole(question.reader.of(question.claim))), name, domain)
    if runs is None:
        return None
    if runs:
        return {name: runs[0].low}
    steps = (*derivation(question), f"the whole numbers {name} where that fails are found exactly: there are none")
    basis = Basis("identity", f"exact analysis over the whole numbers {name}")
    return Finding(truth=True, basis=(basis,), steps=steps, assumptions=question.rules())


def first_valid(question: Question) -> dict[str, Any] | None:
    """The first value of one symbol for which the premises hold; None where that is not told."""
    if len(question.ranges) != 1:
        return None
    ((name, domain),) = question.ranges.items()
    try:
        runs = _runs(gap(question, polynomial(0)), name, domain)
    except (RuleError, ZeroDivisionError):  # no closed form
        return None
    return {name: runs[0].low} if runs else None


def _runs(truth: Polynomial, name: str, domain: Range) -> list[Run] | None:
    """Where a truth value of one symbol is 1; None where that is not told."""
    if truth.symbols() - {name} or _work(truth) > MOST_WORK:
        return None
    try:
        return holds(truth, name, domain)
    except NotExact:
        return None


def _work(part: Polynomial) -> int:
    """How much there is to do, or more than MOST_WORK."""
    todo, parts = [part], [part]
    while todo:
        more = [arg for atom in todo.pop().atoms() if atom.op != "symbol" for arg in atom.args]
        todo += more
        parts += more
        if len(parts) > MOST_WORK:
            return len(parts)
    degrees = [sum([power for _, power in monomial]) for each in parts for monomial in each.terms]
    if max(degrees, default=0) > HIGHEST:
        return MOST_WORK + 1
    period = lcm(*[Fraction(contents([each])).denominator for each in floors(part)])
    return len(degrees) * period
