"""Ranges as narrow as a hypothesis makes them: k > 1, mid <= 64, n == 7."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archtool.claims.deciding.statement import Domains, Statement
from archtool.claims.deciding.symbols import symbols
from archtool.errors import ArchtoolError, MissingExtra
from archtool.spec.domains import Range
from archtool.trace import Expr, Trace, linear


def narrowed(hypothesis: Statement | None, domains: Domains) -> Domains:
    """The domains without values for which the hypothesis is false whatever the others are; lists have one value. As
    they are, where that would leave nothing or can't be told."""
    if hypothesis is None:
        return domains
    trace = Trace()
    chosen = {name: domain[0] for name, domain in domains.items() if not isinstance(domain, Range)}
    try:
        found = hypothesis.traced(trace, symbols(trace, domains, chosen)).holds
    except MissingExtra:
        raise
    except ArchtoolError:  # its truth is told at points alone
        return domains
    narrow: dict[str, Any] = dict(domains)
    for name, low, high in _ends(found):
        domain = narrow[name]
        steps = max(0, -((domain.low - low) // domain.step)) if low is not None else 0
        ends = [end for end in (domain.high, high) if end is not None]
        narrow[name] = Range(domain.low + steps * domain.step, min(ends, default=None), domain.step)
        if ends and narrow[name].low > min(ends):
            return domains
    return narrow


def _ends(condition: Any) -> Iterator[tuple[str, int | None, int | None]]:
    """The least and the greatest value that a condition leaves to a symbol, where it is about one symbol alone."""
    if not isinstance(condition, Expr):
        return
    if condition.op == "and":
        for part in condition.args:
            yield from _ends(part)
    atom = condition.args[0] if condition.op == "not" else condition
    if atom.op != "positive" and condition.op != "zero":
        return
    size = atom.args[0] if atom is condition else 1 - atom.args[0]  # size > 0: u <= 0 is 1 - u > 0
    constant, terms = linear(size)
    if len(terms) != 1:
        return
    ((symbol, factor),) = terms.items()
    if symbol.op != "symbol":
        return
    name, start, step = symbol.args
    if condition.op == "zero":
        if constant % factor == 0:
            value = start + step * (-constant // factor)
            yield name, value, value
    elif factor > 0:  # constant + factor * turns > 0
        yield name, start + step * (-constant // factor + 1), None
    else:
        yield name, None, start + step * -((-constant // -factor) + 1)
