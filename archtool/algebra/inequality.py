"""Which values of a symbol keep a bound: all of them where that can be told exactly, else one by bisection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.algebra.assumed import conditions
from archtool.algebra.formula import said
from archtool.algebra.functions import positive, zero
from archtool.algebra.integers import NotExact, Run, holds, joined
from archtool.algebra.naming import Asked, asked
from archtool.algebra.polynomial import Atom, Monomial, Polynomial, contents, polynomial
from archtool.algebra.reading import reader_of
from archtool.algebra.roots import bound
from archtool.algebra.shown import Layout
from archtool.algebra.subject import Evaluated, Subject, subject_of
from archtool.analysis.measures import METRICS, Measures
from archtool.analysis.options import Options
from archtool.errors import ArchtoolError, RuleError, SpecError
from archtool.fields import describe
from archtool.spec.domains import Range
from archtool.spec.expressions import Expression, compile_expression
from archtool.spec.numbers import is_number, subtract
from archtool.spec.values import WORK, Allowance

if TYPE_CHECKING:
    from archtool.design import Design

SIGNS: Final = ("<=", ">=", "==", "<", ">")
COMPARISON: Final = re.compile("(<=|>=|==|(?<![<>=!])=(?!=)|!=|<|>)")
MOST_VALUES: Final = 1000  # of a domain that are all tried where there is no closed answer
NEAR: Final = 64  # values, the first ones of a domain, and
TRIED: Final = 40  # values, each twice the last, at which what can't be told exactly is tried
WORK_OF_A_SIDE: Final = 100_000
ENDS: Final = 4  # at which what was found is checked by analysis


class Check(NamedTuple):
    """What analysis says at one value: both sides of the condition, and whether it holds; or why it is no network."""

    value: int
    left: Any
    right: Any
    holds: bool
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Solution:
    """The values of a symbol for which a condition holds.

    `runs` are all of them in a domain, where `exact`; else what a bisection found, if the condition changes once. In
    more than one symbol there are no runs, but `bounds`: texts of what the symbol is compared with. `checks` are what
    `analyze` says at their ends and behind them.
    """

    condition: str
    symbol: str
    domain: Range
    exact: bool
    how: str
    runs: tuple[Run, ...]
    bounds: tuple[str, ...]
    checks: tuple[Check, ...]
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The solution as JSON."""
        return {
            "condition": self.condition,
            "for": self.symbol,
            "domain": self.domain._asdict(),
            "exact": self.exact,
            "how": self.how,
            "runs": [run._asdict() for run in self.runs],
            "bounds": list(self.bounds),
            "checks": [
                {**check._asdict(), "left": written(check.left), "right": written(check.right)} for check in self.checks
            ],
            "assumptions": list(self.assumptions),
        }


def written(value: Any) -> Any:
    """A number as JSON has it: whole ones and decimals as numbers, other fractions as text."""
    return value if value is None or isinstance(value, int | float) else str(value)


class Condition(NamedTuple):
    """left `sign` right: expressions over metrics, vars and symbols."""

    text: str
    left: Expression
    sign: str
    right: Expression


def condition(text: str, names: Sequence[str]) -> Condition:
    """A condition over metrics and some names, read; raises SpecError for another text."""
    parts = COMPARISON.split(text)
    if len(parts) != 3 or parts[1] not in SIGNS or not parts[0].strip() or not parts[2].strip():
        raise SpecError(f"'{text}' is no condition; write one like 'macs <= 300e6' ({', '.join(SIGNS)})")
    try:
        left, right = (compile_expression(side.strip(), [*METRICS, *names], ()) for side in (parts[0], parts[2]))
    except RuleError as error:
        raise SpecError(f"'{text}': {error}") from None
    return Condition(text.strip(), left, parts[1], right)


def solve(
    design: Design, text: str, name: str, symbols: str | None = None, *, block: str | None = None, **options: Any
) -> Solution:
    """The values of a symbol for which a condition on a design (or a block of its spec) holds.

    `name` is one of `symbols`, or a name that may stand there; other symbols stay in its bound. Raises SpecError for
    what is no condition or no symbol, RuleError for what can't be solved.

    >>> from archtool import load
    >>> solve(load("resnet50"), "macs <= 1e9", "width").runs
    (Run(low=1, high=31, step=1),)
    """
    return _Solving(subject_of(design, block), text, name, symbols, Options(**options)).solution()


class _Solving:
    def __init__(self, subject: Subject, text: str, name: str, symbols: str | None, options: Options) -> None:
        self.subject = subject
        self.options = options
        self.parts = subject.parts(tuple(asked(symbols)) if symbols else ())
        found = subject.evaluate(self.parts)
        if name not in found.names.symbols:
            self.parts = (*self.parts, Asked(name, None, ""))
            found = subject.evaluate(self.parts)
            if name not in found.names.symbols:
                made = ", ".join(found.names.order[-len(found.names.families[-1]) :]) if found.names.families else ""
                raise SpecError(f"'{name}' stands for several symbols; solve for one of them: {made}")
        self.found = found
        self.name = name
        self.condition = condition(text, [*subject.values, *found.names.order])
        self.layout = Layout(found.names.order, found.names.families)
        self.reader = reader_of(found)

    def sides(self, found: Evaluated) -> tuple[Any, Any]:
        """Both sides of the condition, on symbols or on numbers."""
        measures = Measures(found.run, self.options, self.subject.functional)
        values = {**self.subject.values, **found.names.vars, **found.names.symbols, WORK: Allowance(WORK_OF_A_SIDE)}
        sides = []
        for side in (self.condition.left, self.condition.right):
            hidden = values.keys() - {side.text}  # by vars of these names, where one alone is not what is asked for
            metrics = {name: measures.of(name) for name in side.uses & (METRICS.keys() - hidden)}
            value = side.evaluate({**values, **metrics})
            if not is_number(value):
                raise SpecError(f"'{side.text}' is {describe(value)}, not a number")
            sides.append(value)
        return sides[0], sides[1]

    def solution(self) -> Solution:
        left, right = self.sides(self.found)
        difference = self.reader.of(subtract(left, right))
        domain = self.found.names.domains[self.name]
        others = difference.symbols() - {self.name}
        runs: tuple[Run, ...] = ()
        bounds: tuple[str, ...] = ()
        exact = True
        if others:
            bounds = (bound(difference, self.condition.sign, self.name, self.layout),)
            how = f"solved in {', '.join(name for name in self.layout.order if name in others)}"
        else:
            truth = self.truth(difference)
            try:
                runs, how = tuple(holds(truth, self.name, domain)), "exact, for all whole numbers"
            except NotExact:
                exact = domain.high is not None and (domain.high - domain.low) // domain.step < MOST_VALUES
                runs, how = self.listed(truth, domain) if exact else self.bisected(truth, domain)
        return Solution(
            condition=self.condition.text, symbol=self.name, domain=domain, exact=exact, how=how, runs=runs,
            bounds=bounds, checks=tuple(self.checks(runs)),
            assumptions=(*said(self.found.names.domains), *conditions(self.found, self.layout, self.reader)),
        )  # fmt: skip

    def truth(self, difference: Polynomial) -> Polynomial:
        """1 where the condition holds and the network is valid."""
        truth = truth_of(difference, self.condition.sign)
        for problem in self.found.problems:
            rule = self.reader.of(problem.holds)
            if rule.symbols() <= {self.name}:
                truth = truth * rule
        return truth

    def keeps(self, truth: Polynomial, value: int) -> bool:
        """Whether the condition holds at a value, and the network is valid there: none divides by 0."""
        try:
            return truth.at({self.name: value}) == 1
        except ZeroDivisionError:
            return False

    def listed(self, truth: Polynomial, domain: Range) -> tuple[tuple[Run, ...], str]:
        """Where the condition holds, each value of a domain tried."""
        assert domain.high is not None
        values = range(domain.low, domain.high + 1, domain.step)
        kept = [Run(value, value, domain.step) for value in values if self.keeps(truth, value)]
        return tuple(joined(kept, domain.step)), f"exact, each of {len(values)} values tried"

    def bisected(self, truth: Polynomial, domain: Range) -> tuple[tuple[Run, ...], str]:
        """Where the condition changes, if it does so once: at values each twice as far as the last, then in between."""
        turns = sorted({*range(NEAR), *[2**power for power in range(TRIED)]})
        tried = [domain.low + domain.step * each for each in turns]
        if domain.high is not None:
            last = domain.high - (domain.high - domain.low) % domain.step
            tried = [*[each for each in tried if each < last], last]
        said = [self.keeps(truth, each) for each in tried]
        changes = [place for place in range(1, len(said)) if said[place] != said[place - 1]]
        how = f"by bisection, as it changes once at {len(tried)} values tried"
        if not changes:
            return ((Run(tried[0], tried[-1], domain.step),) if said[0] else ()), f"at {len(tried)} values tried"
        if len(changes) > 1:
            raise RuleError(
                f"'{self.condition.text}' changes {len(changes)} times with '{self.name}'; give a domain to --in"
            )
        low, high = tried[changes[0] - 1], tried[changes[0]]
        while high - low > domain.step:
            middle = low + (high - low) // domain.step // 2 * domain.step
            if self.keeps(truth, middle) == said[0]:
                low = middle
            else:
                high = middle
        if said[0]:
            return (Run(domain.low, low, domain.step),), how
        return (Run(high, domain.high, domain.step),), how

    def checks(self, runs: Sequence[Run]) -> list[Check]:
        """What analysis says at the first ends of the runs and at their neighbours outside; raises RuleError where it
        contradicts them."""
        found: dict[int, Check] = {}
        domain = self.found.names.domains[self.name]
        for run in runs[:ENDS]:
            ends = [run.low, run.low - domain.step]
            if run.high is not None:
                ends += [run.high, run.high + domain.step]
            for value in ends:
                if value >= domain.low and (domain.high is None or value <= domain.high):
                    found.setdefault(value, self.check(value))
        for check in found.values():
            told = any([run.low <= check.value and (run.high is None or check.value <= run.high)
                        and (check.value - run.low) % run.step == 0 for run in runs])  # fmt: skip
            if told != check.holds:
                raise RuleError(f"analysis at {self.name} = {check.value} contradicts the formula: report this")
        return [found[value] for value in sorted(found)]

    def check(self, value: int) -> Check:
        try:
            left, right = self.sides(self.subject.evaluate(self.parts, {self.name: value}))
        except ArchtoolError as error:
            return Check(value, None, None, False, str(error).splitlines()[0])
        difference = self.reader.of(subtract(left, right))
        return Check(value, left, right, truth_of(difference, self.condition.sign).constant == 1)


def truth_of(difference: Polynomial, sign: str) -> Polynomial:
    """1 where `difference sign 0` holds, else 0, for a formula whose symbols are at least 1."""
    scale = Polynomial({(): Fraction(contents([difference])).denominator if difference.terms else 1})
    whole = difference * scale * Polynomial({_lifting(difference): 1})
    if sign == "==":
        return zero(whole)
    if sign in ("<", "<="):
        return positive(-whole) if sign == "<" else polynomial(1) - positive(whole)
    return positive(whole) if sign == ">" else polynomial(1) - positive(-whole)


def _lifting(part: Polynomial) -> Monomial:
    """The symbols that a formula has to be multiplied by, so that none stands below."""
    powers: dict[Atom, int] = {}
    for monomial in part.terms:
        for atom, power in monomial:
            powers[atom] = max(powers.get(atom, 0), -power)
    return tuple(sorted([(atom, power) for atom, power in powers.items() if power], key=lambda item: item[0].key))
