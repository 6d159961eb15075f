"""Statements in the expressions of specs, for tests of what is decided."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archtool.algebra.finding import Finding
from archtool.claims.deciding.decide import decide
from archtool.claims.deciding.statement import Traced
from archtool.errors import RuleError
from archtool.runs import Problem
from archtool.spec.domains import Range, parse_range
from archtool.spec.expressions import compile_expression
from archtool.spec.values import WORK, Allowance
from archtool.trace import Trace

FREE = ("a", "b")
SIGNS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass
class Spoken:
    """A statement in the expressions of specs; `rules` are texts that have to be true for it to be about something."""

    text: str
    names: tuple[str, ...]
    rules: tuple[str, ...] = ()
    rounds: bool = False
    calls: list[Mapping[str, Any]] = field(default_factory=list)

    def value(self, text: str, values: Mapping[str, Any]) -> Any:
        return compile_expression(text, self.names, ()).evaluate({**values, WORK: Allowance(10_000)})

    def at(self, point: Mapping[str, Any]) -> bool:
        self.calls.append(point)
        for rule in self.rules:
            if not self.value(rule, point):
                raise RuleError(f"conv1: {rule} is broken")
        return self.value(self.text, point)

    def compared(self) -> tuple[list[str], list[str]]:
        tree = ast.parse(self.text, mode="eval").body
        if not isinstance(tree, ast.Compare):
            return [], []
        sides = [ast.get_source_segment(self.text, each) or "" for each in (tree.left, *tree.comparators)]
        return sides, [SIGNS[type(op)] for op in tree.ops]

    def sides(self, point: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        return tuple((side, self.value(side, point)) for side in self.compared()[0])

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        problems = [Problem(self.value(rule, values), f"conv1: {rule}") for rule in self.rules]
        sides, signs = self.compared()
        told = tuple((side, self.value(side, values)) for side in sides)
        return Traced(self.value(self.text, values), tuple(problems), told, tuple(signs))


def domain(written: Any) -> Range | tuple[Any, ...]:
    if isinstance(written, str):
        found = parse_range(written)
        assert found is not None
        return found
    return tuple(written)


def decided(text: str, when: str = "", rules: tuple[str, ...] = (), rounds: bool = False, **given: Any) -> Finding:
    domains = {name: domain(written) for name, written in given.items()}
    names = tuple(domains)
    hypothesis = Spoken(when, names) if when else None
    start = time.monotonic()
    found = decide(Spoken(text, names, rules, rounds), hypothesis, domains, {})
    assert time.monotonic() - start < 12
    assert found.truth is not False or found.witness is not None
    return found


def truth_of(text: str, when: str, places: Iterable[Mapping[str, Any]]) -> list[bool]:
    """What the statement is at the points that it is about; where something is divided by 0 there is none."""
    found = []
    for point in places:
        try:
            if not when or Spoken(when, FREE).at(point):
                found.append(Spoken(text, FREE).at(point))
        except RuleError:
            continue
    return found
