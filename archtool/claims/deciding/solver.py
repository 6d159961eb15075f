"""Claims decided by z3: whether the premises leave room for a counterexample, over whole numbers or over all reals.

What is not told exactly is told with more room: a quotient by what may be 0 is any number there. So "there is none" is
a proof, and a counterexample has to be tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec
from math import ceil, inf
from typing import Any, Final, NamedTuple

from archtool.algebra.finding import Basis, Finding
from archtool.claims.deciding.identity import derivation
from archtool.claims.deciding.question import Question
from archtool.size import Condition, negate
from archtool.trace import CONDITIONS, Expr, bounds, in_order

STEPS: Final = 4_000_000  # of z3's own count (rlimit), for each of two tries: half a second to one of a free core
SECONDS: Final = 10  # that end a try anyway; far from what its steps take, since a verdict must not depend on the load
MOST_NODES: Final = 3000  # of the expressions that z3 is asked about
SEED: Final = 0
SEEDS: Final = ("smt.random_seed", "sat.random_seed", "nlsat.seed")
MISSING: Final = "z3, which could decide more, is not installed: pip install 'archtool[solve]'"


class Asked(NamedTuple):
    """What z3 says: that there is nothing (`empty`), or `values` of symbols; neither where it can't tell, for a
    `reason`."""

    empty: bool = False
    values: dict[str, int] | None = None
    reason: str = ""


class Open(NamedTuple):
    """That z3 does not prove a claim: candidates for a counterexample, to be tried, and the reason."""

    candidates: tuple[dict[str, int], ...]
    reason: str


def by_solver(question: Question) -> Finding | Open:
    """The finding that z3 finds no counterexample, or that it does not tell."""
    failing = [*question.premises, negate(question.claim)]
    over, asked = "even over all real numbers", room(question, failing, whole=False)
    candidates = [asked.values]
    if not asked.empty:
        over, asked = "over the whole numbers", room(question, failing, whole=True)
        candidates.append(asked.values)
    if not asked.empty:
        return Open(tuple([each for each in candidates if each is not None]), asked.reason or "z3 finds no proof")
    import z3

    text = f"z3 {z3.get_version_string()}, within {STEPS:,} of its steps: no counterexample {over}"
    steps = (*derivation(question), f"there is no counterexample {over}: decided by z3")
    return Finding(truth=True, basis=(Basis("solver", text),), steps=steps, assumptions=question.rules())


def point_of(question: Question) -> dict[str, int] | None:
    """Values for which the premises may hold, if z3 finds some."""
    return room(question, question.premises, whole=True).values


def room(question: Question, conditions: Iterable[Condition], whole: bool) -> Asked:
    """Whether z3 finds values for which all conditions hold."""
    if find_spec("z3") is None:
        return Asked(reason=MISSING)
    open_ones = [each for each in conditions if each is not True]
    if False in open_ones:
        return Asked(empty=True)
    nodes = in_order(open_ones)
    if len(nodes) > MOST_NODES:
        return Asked(reason=f"its expressions have {len(nodes):,} parts, more than are given to z3")
    import z3

    for seed in SEEDS:
        z3.set_param(seed, SEED)
    told = _Translation(z3, whole)
    solver = z3.Solver(ctx=told.context) if whole else z3.SolverFor("QF_NRA", ctx=told.context)
    solver.set("rlimit", STEPS)
    solver.set("timeout", SECONDS * 1000)
    for each in nodes:
        told.of(each)
    solver.add([told.of(each) for each in open_ones])
    solver.add(told.known_too)
    answer = solver.check()
    if answer == z3.unsat:
        return Asked(empty=True)
    if answer == z3.sat:
        return Asked(values=told.values(solver.model(), question))
    return Asked(reason=f"z3 does not tell within {STEPS:,} of its steps, or {SECONDS} s ({solver.reason_unknown()})")


class _Translation:
    """Expressions of a trace in z3; `known_too` is what holds of the variables that stand for them. All in a context of
    its own, so that nothing depends on what z3 was asked before."""

    def __init__(self, z3: Any, whole: bool) -> None:
        self.z3 = z3
        self.whole = whole
        self.context = z3.Context()
        self.number = partial(z3.IntVal if whole else z3.RealVal, ctx=self.context)
        self.variable = partial(z3.Int if whole else z3.Real, ctx=self.context)
        self.made: dict[Any, Any] = {}
        self.known_too: list[Any] = []

    def of(self, value: Any) -> Any:
        """A size or a condition whose parts were asked for before."""
        if isinstance(value, bool):
            return self.z3.BoolVal(value, self.context)
        if not isinstance(value, Expr):
            return self.number(value)
        if value not in self.made:
            self.made[value] = self._made(value)
        return self.made[value]

    def values(self, model: Any, question: Question) -> dict[str, int]:
        """The values of the question's names in a model, those that are no whole numbers rounded up; what it leaves
        open is the least that it may be."""
        found = {name: domain.low for name, domain in question.ranges.items()}
        for expr, variable in self.made.items():
            if isinstance(expr, Expr) and expr.op == "symbol" and expr.args[0] in found:
                name, start, step = expr.args
                told = model.eval(variable)
                if self.z3.is_algebraic_value(told):
                    told = told.approx(2)
                if self.z3.is_int_value(told):
                    found[name] = start + step * told.as_long()
                elif self.z3.is_rational_value(told):
                    found[name] = start + step * ceil(told.as_fraction())
        return found

    def _made(self, expr: Expr) -> Any:
        z3, op = self.z3, expr.op
        if op == "symbol":
            return self._bounded(self.variable(f"v{expr.number}"), expr)
        if op == "sum":
            constant, terms = expr.args
            return z3.Sum([self.number(constant), *[self.of(term) * self.number(factor) for term, factor in terms]])
        if op in ("floor", "quotient"):
            return self._floor(*expr.args)
        args = [self.of(arg) for arg in expr.args]
        if op == "product":
            return z3.Product(args)
        if op in ("max", "min"):
            left, right = args
            return z3.If(left >= right if op == "max" else left <= right, left, right)
        if op == "where":
            return z3.If(*args)
        assert op in CONDITIONS
        if op in ("positive", "zero"):
            return self._compared(op, args[0], expr)
        return z3.Not(args[0]) if op == "not" else (z3.And if op == "and" else z3.Or)(args)

    def _bounded(self, variable: Any, expr: Expr) -> Any:
        low, high = bounds(expr)
        self.known_too += [variable >= self.number(int(low))] if low > -inf else []
        self.known_too += [variable <= self.number(int(high))] if high < inf else []
        return variable

    def _floor(self, above: Any, below: Any) -> Any:
        """floor(above / below), by what makes it that where below is not 0; one variable also for the quotient, which
        is the same where it is whole."""
        key = (above, below)
        if key not in self.made:
            whole = self.made[key] = self.variable(f"q{len(self.made)}")
            a, b = self.of(above), self.of(below)
            rest = a - b * whole
            one = self.number(1)
            for sign in (1, -1):
                if not isinstance(below, Expr) and below * sign <= 0:
                    continue
                within = self.z3.And(rest * sign >= 0, rest * sign <= b * sign - one)
                self.known_too.append(self.z3.Implies(b * sign >= one, within))
        return self.made[key]

    def _compared(self, op: str, size: Any, expr: Expr) -> Any:
        """Whether a whole number is above 0, or is 0: over reals a truth value that says so of whole ones."""
        z3, one = self.z3, self.number(1)
        if self.whole:
            return size >= one if op == "positive" else size == 0
        truth = z3.Bool(f"b{expr.number}", self.context)
        others = size <= 0 if op == "positive" else z3.Or(size >= one, size <= -one)
        self.known_too += [
            z3.Implies(truth, size >= one if op == "positive" else size == 0), z3.Implies(z3.Not(truth), others),
        ]  # fmt: skip
        return truth
