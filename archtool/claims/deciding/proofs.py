"""The ways to prove a claim on symbols, one after the other; lists and small ranges value by value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from typing import Any, Final, NamedTuple

from archtool.algebra.finding import Finding
from archtool.claims.deciding.exact import by_integers, first_valid
from archtool.claims.deciding.identity import by_identity
from archtool.claims.deciding.narrowing import narrowed
from archtool.claims.deciding.points import count, placed, small_first
from archtool.claims.deciding.question import Question, asked
from archtool.claims.deciding.residues import classes, excluded
from archtool.claims.deciding.solver import by_solver, point_of
from archtool.claims.deciding.statement import Domains, Statement
from archtool.errors import ArchtoolError, MissingExtra, Untraceable
from archtool.spec.domains import Range

MOST_CASES: Final = 64  # of lists' values together that a claim is proved for one by one
SMALL: Final = 16  # values of a range that are told apart, where that is needed
SECONDS: Final = 3.0  # for all cases together
CASES_SHOWN: Final = 4
MOST_ASKED: Final = 8  # classes of remainders that z3 is asked about one by one
TRIED: Final = 8  # points of a class where the claim is false by its closed form


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
        found: list[tuple[str, Finding]] = []
        valid: list[Mapping[str, Any]] = []
        for case in _cases(lists):
            if found and time.monotonic() > self.until:
                return Answer(reason=f"its cases take more than {SECONDS:g} s")
            answer = way({name: (case[name],) if name in case else domain for name, domain in domains.items()})
            if answer.finding is None:
                where = f"where {placed(case)}: " if case else ""
                return answer._replace(reason=where + answer.reason)
            found.append((placed(case), answer.finding))
            valid += answer.valid
        return Answer(together(found, f"each value of {', '.join(lists)} by itself: "), valid=tuple(valid))

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
            points = [question.point(each) for each in (first_valid(question), point_of(question)) if each]
            answer = answer._replace(valid=(*answer.valid, *points))
        return answer

    def _answered(self, question: Question) -> Answer:
        reason = ""
        try:
            proved = by_identity(question) or by_integers(question)
            if isinstance(proved, Finding):
                return Answer(proved)
            if proved is not None:
                return Answer(candidates=(question.point(proved),), reason="it does not hold by its closed form")
        except (ArchtoolError, ZeroDivisionError) as error:  # a closed form too long, or none
            reason = str(error) + "; "
        split = self._by_residues(question)
        if split.finding is not None or split.candidates:
            return split
        solved = by_solver(question)
        if isinstance(solved, Finding):
            return Answer(solved)
        candidates = tuple([question.point(each) for each in solved.candidates])
        return Answer(candidates=candidates, valid=split.valid, reason=reason + solved.reason)

    def _by_residues(self, question: Question) -> Answer:
        """The answer by the symbols' remainders; z3 is asked of classes only if closed forms prove others."""
        try:
            every = classes(question)
            left = [one for one in every if not excluded(question, one)]
        except (ArchtoolError, ZeroDivisionError):  # no closed form: z3 may do without
            return Answer()
        found: list[tuple[str, Finding]] = []
        still_open: list[tuple[str, Question]] = []
        points: list[Mapping[str, Any]] = []
        for ranges, turns, text in left:
            if time.monotonic() > self.until:
                return Answer()
            domains = narrowed(self.hypothesis, {**question.domains, **ranges})
            try:
                own = asked(self.statement, self.hypothesis, domains, turns)
                proved = by_identity(own) or by_integers(own)
                is_false = proved is None and own.reader.of(own.claim).constant == 0
            except MissingExtra:
                raise
            except (ArchtoolError, ZeroDivisionError):  # nothing is told of this class, so nothing of all
                return Answer(valid=tuple(points))
            if isinstance(proved, Finding):
                found.append((text, proved))
            elif proved is not None:
                return Answer(candidates=(own.point(proved),), reason=f"it does not hold where {text}")
            else:
                still_open.append((text, own))
                points += islice(small_first(domains), TRIED) if is_false else ()
        if found and len(still_open) <= MOST_ASKED:
            for text, own in still_open:
                solved = by_solver(own)
                if not isinstance(solved, Finding):
                    break
                found.append((text, solved))
        if not found or len(found) < len(left):
            return Answer(valid=tuple(points))
        out = len(every) - len(left)
        intro = f"by remainders, {len(every)} classes" + (f", of which the conditions exclude {out}: " if out else ": ")
        return Answer(together(found, intro).but(assumptions=question.rules()))


def _cases(lists: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in product(*lists.values()):
        yield dict(zip(lists, values, strict=True))


def together(found: Sequence[tuple[str, Finding]], intro: str) -> Finding:
    """One finding of those for each of some cases; `intro` says what cases these are."""
    if len(found) == 1 and not found[0][0]:
        return found[0][1]
    by_steps: dict[tuple[str, ...], list[str]] = {}
    for case, finding in found:
        by_steps.setdefault(finding.steps, []).append(case)
    cases = [case for case, _ in found]
    steps = [intro + "; ".join(cases[:CASES_SHOWN]) + (" ..." if len(found) > CASES_SHOWN else "")]
    for number, (own, alike) in enumerate(by_steps.items()):
        if number == CASES_SHOWN:
            steps.append(f"and so for each of the {sum(map(len, by_steps.values())) - number} other cases")
            break
        shown = " or ".join(alike[:CASES_SHOWN]) + (" ..." if len(alike) > CASES_SHOWN else "")
        where = "in each case" if len(by_steps) == 1 and len(alike) > 1 else f"where {shown}"
        steps += [f"{where}:", *own] if own else [f"{where} its closed form shows it"]
    assumptions = dict.fromkeys([each for _, finding in found for each in finding.assumptions])
    basis = dict.fromkeys([each for _, finding in found for each in finding.basis])
    return found[0][1].but(steps=tuple(steps), basis=tuple(basis), assumptions=tuple(assumptions))
