"""The ways to prove a claim on symbols, one after the other; lists and small ranges value by value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple

from archtool.algebra.finding import Finding
from archtool.claims.deciding.exact import by_integers, first_valid
from archtool.claims.deciding.identity import by_identity
from archtool.claims.deciding.narrowing import narrowed
from archtool.claims.deciding.points import count, placed
from archtool.claims.deciding.question import Question, asked
from archtool.claims.deciding.solver import by_solver, point_of
from archtool.claims.deciding.statement import Domains, Statement
from archtool.errors import ArchtoolError, MissingExtra, Untraceable
from archtool.spec.domains import Range

MOST_CASES: Final = 64  # of lists' values together that a claim is proved for one by one
SMALL: Final = 16  # values of a range that are told apart, where that is needed
SECONDS: Final = 3.0  # for all cases together
CASES_SHOWN: Final = 4


class Answer(NamedTuple):
    """What came of the ways to prove a claim: a finding that is true; else points where it may fail (`candidates`), or
    may be valid at all (`valid`), and why it is not proved. `untraceable`: there is no claim on symbols."""

    finding: Finding | None = None
    candidates: tuple[Mapping[str, Any], ...] = ()
    valid: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    untraceable: bool = False


class Prover:
    """Proves a statement where a hypothesis holds, within a time for all of it; `seeks_valid`: looks for points where
    the premises hold, too."""

    def __init__(self, statement: Statement, hypothesis: Statement | None, seeks_valid: bool = False) -> None:
        self.statement = statement
        self.hypothesis = hypothesis
        self.seeks_valid = seeks_valid
        self.until = time.monotonic() + SECONDS

    def answer(self, domains: Domains) -> Answer:
        """The answer for all values in some domains, lists value by value."""
        lists = {name: domain for name, domain in domains.items() if not isinstance(domain, Range)}
        if prod([len(domain) for domain in lists.values()]) > MOST_CASES:
            return Answer(reason=f"its lists have more than {MOST_CASES} values together", untraceable=True)
        return self._by_cases(domains, lists, self._direct)

    def _by_cases(
        self, domains: Domains, lists: Mapping[str, Sequence[Any]], way: Callable[[Domains], Answer]
    ) -> Answer:
        """The answers for each of some values, as one."""
        found: list[tuple[Mapping[str, Any], Finding]] = []
        valid: list[Mapping[str, Any]] = []
        for case in _cases(lists):
            if found and time.monotonic() > self.until:
                return Answer(reason=f"its cases take more than {SECONDS:g} s")
            answer = way({name: (case[name],) if name in case else domain for name, domain in domains.items()})
            if answer.finding is None:
                where = f"where {placed(case)}: " if case else ""
                return answer._replace(reason=where + answer.reason)
            found.append((case, answer.finding))
            valid += answer.valid
        return Answer(together(found), valid=tuple(valid))

    def _direct(self, domains: Domains) -> Answer:
        """The answer for ranges as they are, else value by value of a small one."""
        answer = self._tried(domains)
        if answer.finding is not None or answer.candidates:
            return answer
        sizes = {name: count(domain) for name, domain in domains.items() if isinstance(domain, Range)}
        small = [(size, name) for name, size in sizes.items() if size is not None and 1 < size <= SMALL]
        if not small or time.monotonic() > self.until:
            return answer
        _, name = min(small)
        domain = domains[name]
        assert isinstance(domain, Range) and domain.high is not None
        values = range(domain.low, domain.high + 1, domain.step)
        split = self._by_cases(domains, {name: values}, self._direct)
        return split if split.finding is not None or split.candidates else answer

    def _tried(self, domains: Domains) -> Answer:
        """The answer for these ranges, by each way."""
        try:
            question = asked(self.statement, self.hypothesis, narrowed(self.hypothesis, domains))
        except MissingExtra:
            raise
        except ArchtoolError as error:
            first = str(error).splitlines()[0]
            return Answer(reason=f"there is no closed form: {first}", untraceable=isinstance(error, Untraceable))
        answer = self._answered(question)
        if self.seeks_valid:
            points = [_whole(each, question) for each in (first_valid(question), point_of(question)) if each]
            answer = answer._replace(valid=tuple(points))
        return answer

    def _answered(self, question: Question) -> Answer:
        reason = ""
        try:
            proved = by_identity(question) or by_integers(question)
            if isinstance(proved, Finding):
                return Answer(proved)
            if proved is not None:
                return Answer(candidates=(_whole(proved, question),), reason="it does not hold by its closed form")
        except (ArchtoolError, ZeroDivisionError) as error:  # a closed form too long, or none
            reason = str(error) + "; "
        solved = by_solver(question)
        if isinstance(solved, Finding):
            return Answer(solved)
        candidates = tuple([_whole(each, question) for each in solved.candidates])
        return Answer(candidates=candidates, reason=reason + solved.reason)


def _whole(values: Mapping[str, Any], question: Question) -> dict[str, Any]:
    """A point of all names."""
    others = {name: domain.low if isinstance(domain, Range) else domain[0] for name, domain in question.domains.items()}
    return {**others, **values}


def _cases(lists: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in product(*lists.values()):
        yield dict(zip(lists, values, strict=True))


def together(found: Sequence[tuple[Mapping[str, Any], Finding]]) -> Finding:
    """One finding of those for each case of some values."""
    if len(found) == 1 and not found[0][0]:
        return found[0][1]
    steps: list[str] = []
    by_steps: dict[tuple[str, ...], list[str]] = {}
    for case, finding in found:
        by_steps.setdefault(finding.steps, []).append(placed(case))
    for number, (own, cases) in enumerate(by_steps.items()):
        if number == CASES_SHOWN:
            steps.append(f"and so for each of the {sum(map(len, by_steps.values())) - number} other cases")
            break
        steps += [f"where {' or '.join(cases)}:" if number or len(by_steps) > 1 else "in each case:", *own]
    tried = ", ".join(dict.fromkeys([f"{name}" for case, _ in found for name in case]))
    first = found[0][1]
    assumptions = dict.fromkeys([each for _, finding in found for each in finding.assumptions])
    basis = dict.fromkeys([each for _, finding in found for each in finding.basis])
    steps.insert(0, f"each value of {tried} by itself: {'; '.join([placed(case) for case, _ in found[:CASES_SHOWN]])}"
                 + (" ..." if len(found) > CASES_SHOWN else ""))  # fmt: skip
    return first.but(steps=tuple(steps), basis=tuple(basis), assumptions=tuple(assumptions))
