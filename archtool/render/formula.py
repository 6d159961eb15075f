"""Formulas and what they are asked, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatch
from typing import Any, Final

from archtool.algebra.change import Changed, said
from archtool.algebra.comparison import Comparison, Crossover
from archtool.algebra.formula import Closed, Formula, Row
from archtool.algebra.inequality import Check, Solution
from archtool.algebra.integers import Run
from archtool.algebra.polynomial import Exact
from archtool.analysis.measures import METRICS
from archtool.fields import describe
from archtool.render.columns import aligned

MOST_ROWS: Final = 60  # of a table; the rest is told in total
MOST_RUNS: Final = 8


@singledispatch
def text(found: Any) -> str:
    """An answer of `archtool formula` as a person reads it."""
    raise TypeError(type(found).__name__)


@text.register
def _(formula: Formula) -> str:
    unit = f" ({METRICS[formula.of].unit})" if formula.of in METRICS else ""
    lines = [f"{formula.name}: {formula.of}{unit}" + (f" in {', '.join(formula.symbols)}" if formula.symbols else "")]
    if formula.fixed:
        lines.append("with " + ", ".join([f"{name} {describe(value)}" for name, value in formula.fixed.items()]))
    parts = ["\n".join(lines) + "\n"]
    if formula.blocks:
        parts.append(table(formula.blocks))
    parts.append(_totals(formula.totals))
    parts += [f"where {condition}:\n{_totals(totals)}" for condition, totals in formula.special.items()]
    return "\n".join([*parts, *_assumed(formula.assumptions)])


@text.register
def _(comparison: Comparison) -> str:
    left, right = comparison.left, comparison.right
    forms = {f"{each.of}({each.name})": each.total for each in (left, right)}
    proof = "for all values within what is assumed: both sides multiplied out are the same polynomial"
    usual = comparison.usual
    value = [f"which is {_number(usual)} in the spec\n"] if usual is not None and comparison.ratio.symbols else []
    ratio = f"{_totals(comparison.totals)}  {proof}\n"
    return "\n".join([_totals(forms), ratio, *value, *_assumed(comparison.assumptions)])


@text.register
def _(changed: Changed) -> str:
    leading = "".join([f"{name} ~ {closed}\n" for name, closed in changed.leading.items()])
    return "\n".join([_totals(changed.totals) + leading, *_assumed(changed.assumptions)])


@text.register
def _(solution: Solution) -> str:
    lines = [f"{solution.condition}, for {solution.symbol}: {solution.how}\n"]
    if solution.bounds:
        lines.append("".join([f"{each}\n" for each in solution.bounds]))
    else:
        lines.append(f"{_runs(solution.symbol, solution.runs) or f'for no {solution.symbol}'}\n")
    if solution.checks:
        lines.append(_checks(solution))
    return "\n".join([*lines, *_assumed(solution.assumptions)])


@text.register
def _(crossover: Crossover) -> str:
    comparison, name = crossover.comparison, crossover.symbol
    left, right = comparison.left, comparison.right
    forms = {f"{each.of}({each.name})": each.total for each in (left, right)}
    lines = [f"{name} == {root}\n" for root in crossover.roots]
    found = [f"the same where\n{''.join(lines)}"] if lines else []
    said_of = ((left.name, crossover.less), ("the same", crossover.equal), (right.name, crossover.more))
    rows = [(f"  {word}", _runs(name, runs)) for word, runs in said_of if runs]
    if rows:
        found.append(f"fewer {left.of}:\n" + aligned(rows))
    if not found:
        found = [f"the same for no {name} that is assumed\n"]
    return "\n".join([_totals(forms), *found, *_assumed(comparison.assumptions)])


def latex(found: Formula | Comparison | Changed) -> str:
    """The totals as LaTeX, a line each."""
    return "".join(
        [
            (closed.to_latex() if isinstance(closed, Closed) else said(closed).replace("oo", r"\infty")) + "\n"
            for closed in found.totals.values()
        ]
    )


def table(rows: Sequence[Row]) -> str:
    """Blocks and layers, a line each."""
    first = rows[:MOST_ROWS]
    shown = [(f"  {row.name}", *_turns(row.turns), " x ".join(map(str, row.forms.values()))) for row in first]
    more = len(rows) - len(shown)
    return aligned(shown) + (f"  and {more} more\n" if more else "")


def _turns(count: Closed) -> tuple[str, str]:
    written = str(count)
    if written == "1":
        return "", ""
    return (written if written.isalnum() or written[0] == "(" else f"({written})"), "x"


def _totals(totals: Mapping[str, Closed | float]) -> str:
    return "".join([f"{name} = {said(closed)}\n" for name, closed in totals.items()])


def _assumed(assumptions: Iterable[str]) -> list[str]:
    lines = [f"  {each}\n" for each in assumptions]
    return ["assumed:\n" + "".join(lines)] if lines else []


def _runs(name: str, runs: Sequence[Run]) -> str:
    """Some runs of whole numbers as conditions."""
    parts = []
    for run in runs[:MOST_RUNS]:
        step = f" in steps of {run.step}" if run.step > 1 and run.low != run.high else ""
        if run.high is None:
            parts.append(f"{name} >= {run.low}{step}")
        elif run.low == run.high:
            parts.append(f"{name} == {run.low}")
        else:
            parts.append(f"{run.low} <= {name} <= {run.high}{step}")
    more = [f"and {len(runs) - MOST_RUNS} more"] if len(runs) > MOST_RUNS else []
    return "; ".join([*parts, *more])


def _checks(solution: Solution) -> str:
    """What analysis says where the condition begins and ends to hold."""
    rows = [
        (f"  {solution.symbol} = {check.value}", _said(check, check.left), "holds" if check.holds else "does not")
        for check in solution.checks
    ]
    return "analysed there:\n" + aligned(rows)


def _said(check: Check, value: Any) -> str:
    return check.problem or _number(value)


def _number(value: Exact) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{float(value):.6g} ({value})"
