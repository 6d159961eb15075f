"""Whether a statement holds for all values of its free names: small points first, then proofs, then many points.

The order is that of what is worth most. A counterexample among the smallest points ends the search at once; a proof is
believed only where valid points were found, at all of which the statement holds; nothing is true of nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.claims.deciding.points import (
    corners,
    described,
    drawn,
    growing,
    near,
    place_of,
    placed,
    size,
    small_first,
)
from archtool.claims.deciding.proofs import Answer, Prover
from archtool.claims.deciding.statement import Domains, Point, Statement
from archtool.claims.deciding.trying import ROUNDED, Trials

WHOLE: Final = re.compile(r"\b\d[\d_]{0,30}\b", re.ASCII)
PROBED: Final = 24  # valid points that are tried before a proof is looked for,
MOST_PROBED: Final = 400  # among so many
MOST_EXHAUSTED: Final = 4096  # points, of which all are tried
SAMPLES: Final = 500  # valid points of a statement that is not proved
MOST_SEARCHED: Final = 1000
SECONDS: Final = 1.0  # for the points before a proof is looked for
SECONDS_AFTER: Final = 2.0
SECONDS_FOR_ALL: Final = 8.0  # for all points of finite domains


def decide(statement: Statement, hypothesis: Statement | None, domains: Domains, usual: Mapping[str, Any]) -> Finding:
    """Whether a statement holds for all values in some domains for which the hypothesis holds and the networks are
    valid; `usual` are the values that the names have in the spec. Without domains: whether it holds there."""
    if not domains:
        return _at_one_point(statement, hypothesis, usual)
    return _Deciding(statement, hypothesis, domains, usual).finding()


def _at_one_point(statement: Statement, hypothesis: Statement | None, usual: Mapping[str, Any]) -> Finding:
    trials = Trials(statement, hypothesis, {}, SECONDS)
    truth = trials.at({})
    if truth is None:
        return unknown(trials.broken or f"'{hypothesis.text if hypothesis else ''}' does not hold here")
    if not truth:
        return trials.refuted({}).but(at=dict(usual))
    sides = statement.sides({})
    steps = tuple([f"{text} = {value}" for text, value in sides if text != str(value)])
    basis = Basis("samples", ROUNDED) if trials.rounds else Basis("arithmetic", "exact arithmetic")
    return Finding(truth=True, basis=(basis,), steps=steps, at=dict(usual))


class _Deciding:
    def __init__(
        self, statement: Statement, hypothesis: Statement | None, domains: Domains, usual: Mapping[str, Any]
    ) -> None:
        self.statement = statement
        self.hypothesis = hypothesis
        self.domains = domains
        self.usual = usual
        self.trials = Trials(statement, hypothesis, domains, SECONDS)

    def finding(self) -> Finding:
        trials = self.trials
        failing = trials.failing(small_first(self.domains), MOST_PROBED, PROBED)
        if failing is not None:
            return self.refuted(failing, smallest=True)
        if trials.rounds:
            return self.counted(Answer(reason="it takes roots, logarithms or exponentials", untraceable=True))
        answer = Prover(self.statement, self.hypothesis, not trials.valid).answer(self.domains)
        trials.more_time(SECONDS_AFTER)
        failing = trials.failing(chain(answer.candidates, answer.valid, self.usually()), MOST_SEARCHED)
        if failing is not None:
            return self.refuted(failing, smallest=False)
        return self.counted(answer) if answer.finding is None else self.believed(answer.finding)

    def refuted(self, point: Point, smallest: bool) -> Finding:
        """The finding that the statement fails, at a point no larger than this."""
        trials = self.trials
        trials.more_time(SECONDS)
        found = trials.refuted(point if smallest else trials.shrunk(point), smallest=smallest)
        return found.but(assumptions=self.assumed(found))

    def usually(self) -> Iterator[Point]:
        """The point that the spec has, where it is in the domains."""
        if all([place_of(domain, self.usual.get(name)) is not None for name, domain in self.domains.items()]):
            yield {name: self.usual[name] for name in self.domains}

    def believed(self, found: Finding) -> Finding:
        """A proof, where there is something that it is about."""
        trials = self.trials
        if not trials.valid:
            failing = trials.failing(self.further(), MOST_SEARCHED, 1)
            if failing is not None:  # a proof and a counterexample: neither is told
                return unknown(f"it is false at {placed(failing)}, though closed forms prove it: please report this")
        if not trials.valid:
            return unknown(trials.nothing(), facts={"points": trials.invalid + trials.outside})
        return found.but(assumptions=self.assumed(found))

    def assumed(self, found: Finding) -> tuple[str, ...]:
        """What a finding takes for granted: the domains, the hypothesis, the networks' rules; which points it is not
        about, though they are in the domains."""
        when = () if self.hypothesis is None else (self.hypothesis.text,)
        out = () if found.truth is False else self.trials.left_out()
        return (*described(self.domains), *when, *found.assumptions, *out)

    def further(self) -> Iterator[Point]:
        """Points that the small ones are not like."""
        yield from self.usually()
        yield from corners(self.domains)
        base = next(small_first(self.domains))
        numbers = list(self.numbers())
        yield from near(self.domains, numbers, base)
        for start in islice(self.usually(), 1):
            yield from near(self.domains, numbers, start)
        yield from growing(self.domains)
        yield from drawn(self.domains)

    def numbers(self) -> Iterator[int]:
        """Numbers that stand in the statement and its hypothesis, in the text of either."""
        for each in (self.statement, self.hypothesis):
            if each is not None:
                yield from [int(number) for number in WHOLE.findall(each.text)]

    def counted(self, answer: Answer) -> Finding:
        """What the points say of a statement that is not proved: all of them, or many."""
        trials, points = self.trials, size(self.domains)
        if points is not None and points <= MOST_EXHAUSTED:
            trials.more_time(SECONDS_FOR_ALL)
            failing = trials.failing(small_first(self.domains), points)
            if failing is not None:
                return self.refuted(failing, smallest=True)
            if not trials.untold and (not trials.late or trials.valid + trials.invalid + trials.outside >= points):
                return self.exhausted(points)
        failing = trials.failing(self.further(), MOST_SEARCHED, SAMPLES)
        if failing is not None:
            return self.refuted(failing, smallest=False)
        if not trials.valid:
            return unknown(trials.nothing(), facts={"points": trials.invalid + trials.outside})
        if answer.untraceable:
            return self.sampled(answer.reason)
        return unknown(
            f"no proof was found ({answer.reason}), and no counterexample at {trials.valid} points",
            assumptions=self.assumed(Finding(truth=None)), facts={"points": trials.valid},
        )  # fmt: skip

    def exhausted(self, points: int) -> Finding:
        """The finding that a statement holds at all points of finite domains."""
        trials = self.trials
        if not trials.valid:
            return unknown(trials.nothing(), facts={"points": points})
        text = f"each of {trials.valid} valid points of {points} was tried"
        basis = Basis("samples", f"{text}, in {ROUNDED}") if trials.rounds else Basis("exhaustion", text)
        found = Finding(truth=True, basis=(basis,), steps=(text,))
        return found.but(assumptions=self.assumed(found), facts={"points": trials.valid})

    def sampled(self, reason: str) -> Finding:
        """The finding that a statement holds at many points, from which nothing follows for others."""
        trials = self.trials
        text = f"{trials.valid} points of the given ranges" + (f", in {ROUNDED}" if trials.rounds else "")
        found = Finding(truth=True, basis=(Basis("samples", text),), reason=reason, at=trials.ranges())
        return found.but(assumptions=self.assumed(found), facts={"points": trials.valid})
