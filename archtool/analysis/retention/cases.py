"""When something is so, as a set of cases: it is where all conditions of some case hold.

Conditions of a traced network come from its alternatives, so that cases mostly are opposites: `a and b` or `a and not
b` is `a`. Told in this form, most that is alive in some designs is seen to be alive in all.
"""

from __future__ import annotations

from typing import Final

from archtool.errors import Untraceable
from archtool.size import Condition, all_of, any_of, negate
from archtool.trace import Expr

Case = frozenset[Expr]
Cases = frozenset[Case]
NEVER: Final[Cases] = frozenset()
ALWAYS: Final[Cases] = frozenset([frozenset()])
MOST_CASES: Final = 256


def cases(condition: Condition) -> Cases:
    """The cases in which a condition holds."""
    if not isinstance(condition, Expr):
        return ALWAYS if condition else NEVER
    if condition.op == "or":
        return either(*map(cases, condition.args))
    if condition.op == "and":
        return both(*map(cases, condition.args))
    if condition.op == "not" and condition.args[0].op in ("and", "or"):
        parts = [cases(negate(part)) for part in condition.args[0].args]
        return either(*parts) if condition.args[0].op == "and" else both(*parts)
    return frozenset([frozenset([condition])])


def one_holds(where: Cases) -> Condition:
    """The condition that some case holds."""
    return any_of(*[all_of(*sorted(case, key=lambda each: each.number)) for case in sorted(where, key=_order)])


def _order(case: Case) -> list[int]:
    return sorted(each.number for each in case)


def either(*parts: Cases) -> Cases:
    """Where some of these are so."""
    found: Cases = NEVER
    for part in parts:
        for case in part:
            found = _with(found, case)
    return found


def both(*parts: Cases) -> Cases:
    """Where all of these are so."""
    found = ALWAYS
    for part in parts:
        if part is not ALWAYS:
            found = either(*[frozenset([a | b]) for a in found for b in part if not _opposed(a, b)])
    return found


def among(where: Cases, all_there_are: Cases) -> Condition:
    """The condition that something is so, of designs of which no others count."""
    return True if where == all_there_are else one_holds(where)


def _opposed(a: Case, b: Case) -> bool:
    return any(negate(each) in b for each in a)


def _with(known: Cases, case: Case) -> Cases:
    """Cases, and one more: those that it covers are left out, two that differ by an opposite become one."""
    if any(other <= case for other in known):
        return known
    for other in known:
        ours, theirs = case - other, other - case
        if len(ours) == len(theirs) == 1 and negate(next(iter(ours))) in theirs:
            return _with(known - {other}, case & other)
    kept = frozenset([other for other in known if not case <= other]) | {case}
    if len(kept) > MOST_CASES:
        raise Untraceable("what is in memory depends on too many conditions", one_holds(kept))
    return kept
