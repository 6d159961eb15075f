"""The symbols that stand for free names on a trace."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from archtool.claims.deciding.points import count
from archtool.claims.deciding.statement import Domains
from archtool.spec.domains import Range
from archtool.trace import Trace


def symbols(
    trace: Trace, domains: Domains, chosen: Mapping[str, Any], turns: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The values of all free names: a symbol of the trace for each range, the number itself where that has one value,
    and for each list what is `chosen` of it. A name in `turns` is step * t + rest, of the symbol t that is told."""
    values: dict[str, Any] = {}
    for name, domain in domains.items():
        if not isinstance(domain, Range):
            values[name] = chosen[name]
        elif count(domain) == 1:
            values[name] = domain.low
        elif turns and name in turns:
            low, high = turned(domain)[:2]
            turn = trace.symbol(turns[name], low, inf if high is None else high)
            values[name] = turn * domain.step + domain.low % domain.step
        else:
            values[name] = trace.symbol(name, domain.low, inf if domain.high is None else domain.high, domain.step)
    return values


def turned(domain: Range) -> Range:
    """What t may be where step * t + rest are the values of a range."""
    low, high, step = domain
    return Range(low // step, None if high is None else (high - low % step) // step)
