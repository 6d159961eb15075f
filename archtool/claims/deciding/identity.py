"""Proofs by closed forms: both sides multiplied out, what is left between them, and why that is never negative."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, cast

from archtool.algebra.bounds import freed, least
from archtool.algebra.finding import Basis, Finding
from archtool.algebra.functions import replaced
from archtool.algebra.polynomial import Atom, Polynomial, polynomial, single
from archtool.algebra.quotient import divided
from archtool.algebra.text import write
from archtool.claims.deciding.question import Question
from archtool.errors import RuleError
from archtool.size import Condition, Ratio, Size, any_of, negate
from archtool.trace import Expr

MOST_PREMISES: Final = 12  # that a truth value is multiplied by
MOST_TERMS: Final = 60  # of a truth value that premises are multiplied to
LONGEST: Final = 200  # characters of a formula that a derivation shows


def by_identity(question: Question) -> Finding | None:
    """The finding that a claim follows by its closed form; None where it does not show that. Raises RuleError where
    there is no closed form of a size that can be worked with."""
    how = _follows(question)
    if how is None:
        return None
    steps = tuple(derivation(question))
    return Finding(truth=True, basis=(Basis("identity", how),), steps=steps, assumptions=question.rules())


def _follows(question: Question) -> str | None:
    """How the claim follows, in words; None where it is not seen to."""
    claim = question.claim
    if claim is True or any_of(negate(question.hypothesis), claim) is True:
        return "computer algebra: normal forms and bounds of both sides"
    truth = question.whole(question.reader.of(claim))
    if truth.constant == 1:
        return "computer algebra: closed forms of both sides"
    if not gap(question, truth).terms:
        return "computer algebra: closed forms, where the conditions hold"
    wanted = _above(claim)
    if wanted is not None and any(_multiples(question.reader.of(wanted), question)):
        return "computer algebra: closed forms, one a multiple of a condition's"
    return None


def _above(condition: Condition) -> Size | None:
    """The whole number that a condition says is above 0; None for one of another kind."""
    if isinstance(condition, Expr) and condition.op == "positive":
        return cast("Size", condition.args[0])
    atom = condition.args[0] if isinstance(condition, Expr) and condition.op == "not" else None
    return 1 - atom.args[0] if isinstance(atom, Expr) and atom.op == "positive" else None


def _multiples(part: Polynomial, question: Question) -> Iterator[tuple[Polynomial, Polynomial]]:
    """How a formula is more than 0 times what the premises say is above 0: the times, and that."""
    for premise in question.premises:
        parts = premise.args if isinstance(premise, Expr) and premise.op == "and" else (premise,)
        for known in [above for each in parts if (above := _above(each)) is not None]:
            size = question.reader.of(known)
            times = divided(part, size)
            if times is not None and least(times, question.reader.lows) > 0:
                yield times, size


def gap(question: Question, truth: Polynomial) -> Polynomial:
    """1 where the premises hold and a truth value is 0, else 0; or, where that has too many terms, 1 at more points."""
    found = polynomial(1) - truth
    conditions = dict.fromkeys([each for each in reversed(question.premises) if each is not True])
    for condition in list(conditions)[:MOST_PREMISES]:
        premise = question.reader.of(condition)
        if len(found.terms) * len(premise.terms) <= MOST_TERMS**2 and premise.constant != 1:
            more = found * premise
            found = more if len(more.terms) <= MOST_TERMS else found
    return found


def derivation(question: Question) -> Iterator[str]:
    """Both sides in closed form, and what is between them."""
    try:
        yield from _derived(question)
    except (RuleError, ZeroDivisionError):  # too long to be read, all the same decided
        yield "the closed forms of its sides are too long to be shown"


def _derived(question: Question) -> Iterator[str]:
    for text, value in question.sides:
        closed = _written(question.whole(question.reader.of(value)), question)
        if "".join(closed.split()) != "".join(text.split()):
            yield f"{text} = {closed}"
    pairs = zip(question.sides, question.sides[1:], question.signs, strict=False)
    for (_, left), (_, right), sign in pairs:
        yield from _compared(left, sign, right, question)


def _compared(left: Any, sign: str, right: Any, question: Question) -> Iterator[str]:
    """Why two sides compare as they do."""
    whole = question.whole(question.reader.of(left))
    if whole == question.whole(question.reader.of(right)):
        yield f"both are {_written(whole, question)}"
        return
    first, second, scale = _multiplied_out(left, right, question)
    if scale.constant != 1:
        yield f"both sides times {_written(scale, question)}, which is above 0:"
    if first == second:
        yield f"both are {_written(first, question)}"
        return
    is_less = sign in ("<", "<=")
    difference = second - first if is_less else first - second
    yield f"{'right side - left side' if is_less else 'left side - right side'} = {_written(difference, question)}"
    yield from (
        _by_hypothesis(difference, question)
        or (_by_condition(difference, question) if sign in ("<", ">") else [])
        or _by_terms(difference, sign, question)
    )


def _multiplied_out(left: Any, right: Any, question: Question) -> tuple[Polynomial, Polynomial, Polynomial]:
    """Two sides times their denominators, and those, which are above 0."""
    (above, below), (other, under) = _parts(left), _parts(right)
    parts = [question.whole(question.reader.of(part)) for part in (above, below, other, under)]
    return parts[0] * parts[3], parts[2] * parts[1], parts[1] * parts[3]


def _by_hypothesis(difference: Polynomial, question: Question) -> list[str]:
    """The steps from a hypothesis of which the difference is a multiple; none where it is not."""
    pairs = zip(question.given, question.given[1:], question.given_signs, strict=False)
    for (_, left), (_, right), sign in pairs:
        first, second, _ = _multiplied_out(left, right, question)
        known = second - first if sign in ("<", "<=") else first - second
        times = divided(difference, known) if known.terms and sign != "!=" else None
        if times is not None and (sign == "==" or least(times, question.reader.lows) >= 0):
            said = {"==": "0", "<": "above 0", ">": "above 0"}.get(sign, "not below 0")
            product = f"{_written(times, question)} times {_written(known, question)}"
            return [f"that is {product}, and by the hypothesis {_written(known, question)} is {said}"]
    return []


def _by_condition(difference: Polynomial, question: Question) -> list[str]:
    """The step from a part of the conditions of which the difference is a multiple; none where it is not."""
    return [
        f"that is {_written(times, question)}, which is above 0, times {_written(known, question)}, which is so by "
        "the conditions"
        for times, known in islice(_multiples(difference, question), 1)
    ]


def _by_terms(difference: Polynomial, sign: str, question: Question) -> Iterator[str]:
    """Why a formula has the sign that is asked for, where its coefficients or its bounds show that."""
    lows = {name: domain.low for name, domain in question.ranges.items() if name in difference.symbols()}
    moved = {Atom("symbol", name): single(Atom("symbol", f"{name}'")) + low for name, low in lows.items() if low}
    plain = all([atom.op == "symbol" and power > 0 for monomial in difference.terms for atom, power in monomial])
    shifted = replaced(difference, moved) if plain else difference
    low, high = least(difference, question.reader.lows), -least(-difference, question.reader.lows)
    if not (low > 0 or (sign == "!=" and high < 0) or (low == 0 and sign in ("<=", ">="))):
        return
    word = "negative" if low >= 0 else "positive"
    if plain and all([factor * (1 if low >= 0 else -1) >= 0 for factor in shifted.terms.values()]):
        if moved:
            where = ", ".join([f"{name} = {start} + {name}'" for name, start in lows.items() if start])
            yield f"with {where} that is {_written(shifted, question)}"
        constant = f", and its constant is {shifted.terms[()]}" if () in shifted.terms else ""
        yield f"none of its terms is {word}{constant}"
        return
    freely = next((rest for rest, bound in freed(difference, question.reader.lows) if bound == low), None)
    if low >= 0 and freely is not None:
        yield f"a min is at most each of its parts, a max at least: that is at least {_written(freely, question)}"
        difference = freely
    if difference.constant is None:
        yield f"that is at {'least' if low >= 0 else 'most'} {low if low >= 0 else high}, by the bounds of its parts"


def _parts(value: Any) -> tuple[Any, Any]:
    if isinstance(value, Ratio):
        return value
    return value, 1


def _written(part: Polynomial, question: Question) -> str:
    text = write(part, question.layout)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(part.terms)} terms)"
