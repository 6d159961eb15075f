"""Turns of a body that changes its shape by the same amount each turn, as one run: their number may vary.

That turn t takes dims + t * change is proved by induction: the body is evaluated once, at a symbolic turn, and must
take that to dims + (t + 1) * change. Its costs are polynomials in t, whose sum over the turns has a closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from archtool.cost import Cost
from archtool.errors import Untraceable
from archtool.runs import BlockRun, Entry, Problem, Run
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, equal, negate
from archtool.spec.values import Tensor
from archtool.trace import Expr, Trace, bounds
from archtool.trace.alternatives import assume
from archtool.trace.polynomials import at, coefficients, sum_below


class Untold(tuple[Entry, ...]):
    """The entries of turns that are known as a sum alone: to read them is Untraceable."""

    turns: Size

    def __iter__(self) -> NoReturn:
        raise Untraceable("how many turns of a body that grows are told one by one varies", self.turns)

    __len__ = __getitem__ = __iter__  # type: ignore[assignment]  # no reading at all


class _NotAffineError(Exception):
    """A part of the body does not grow by the same amount each turn."""


def grown(trace: Trace, first: Run, turns: Size, run: Callable[[Shape], Run]) -> BlockRun | None:
    """All turns as one run, of which `first` is the first; `run` evaluates one at a shape. None where they do not grow
    by the same amount each turn."""
    start, second = first.inputs[0], _output(first).shape
    if len(start.dims) != len(second.dims) or start.is_tokens != second.is_tokens or start.grid != second.grid:
        return None
    turn = trace.turn(bounds(turns)[1] - 1)
    changes = [after - before for before, after in zip(start.dims, second.dims, strict=True)]
    here, behind = _moved(start, changes, turn), _moved(second, changes, turn)
    try:
        one = run(here)
        if _output(one).shape != behind or (isinstance(one, BlockRun) and one.outputs):
            return None
        return _summed(one, turn, turns, start, _moved(start, changes, turns))
    except (Untraceable, _NotAffineError):
        return None


def _moved(shape: Shape, changes: list[Size], turn: Size) -> Shape:
    dims = [size + turn * change for size, change in zip(shape.dims, changes, strict=True)]
    if shape.is_tokens:
        return Shape(dims[-1], tuple(dims[:-1]), True, shape.grid)
    return Shape(dims[0], tuple(dims[1:]))


def _output(run: Run) -> Tensor:
    if isinstance(run, BlockRun):
        return run.output
    return Tensor(run.output, (run.seen,), 1)


def _summed(one: Run, turn: Expr, turns: Size, start: Shape, end: Shape) -> BlockRun:
    """The run of all turns from that of a symbolic one."""
    output = _output(one)
    field = output.fields[0]
    if field is not None:
        field = _assumed(field, _several_positions(one.inputs[0].axes, output.shape.axes))
        _fixed(field, turn)
        field = field.power(turns).settled(end.axes)
    entries = Untold()
    entries.turns = turns
    source = Tensor(start, (field,), 0)
    cost = _cost(one.cost, lambda size: _sum(size, turn, turns))
    problems = tuple(Problem(_always(each.holds, turn, turns), each.rule) for each in one.problems)
    return BlockRun(one.kind, (start,), Tensor(end, (field,), 1), {}, cost, entries, (source,), problems)


def _cost(cost: Cost, summed: Callable[[Size], Size]) -> Cost:
    return Cost(
        params=summed(cost.params),
        operations={term: summed(count) for term, count in cost.operations.items()},
        activations=summed(cost.activations),
        conv_activations=summed(cost.conv_activations),
        read=summed(cost.read),
    )


def _sum(size: Size, turn: Expr, turns: Size) -> Size:
    polynomial = coefficients(size, turn)
    if polynomial is None:
        raise _NotAffineError
    return sum_below(polynomial, turns)


def _several_positions(before: tuple[Size, ...], behind: tuple[Size, ...]) -> Condition:
    """That more than one position is left of axes that become shorter: one is so by the last turn alone."""
    shorter = [(n, m) for n, m in zip(before, behind, strict=True) if bounds(m - n)[1] <= 0 and n is not m]
    return all_of(*(negate(equal(n, 1)) for pair in shorter for n in pair))


def _assumed(value: Any, condition: Condition) -> Any:
    """A field, or a part of it, where the condition holds."""
    if isinstance(value, Expr) and isinstance(condition, Expr):
        return assume(value, condition)
    if isinstance(value, tuple):
        parts = [_assumed(part, condition) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def _fixed(value: object, turn: Expr) -> None:
    """Raises _NotAffineError where a value depends on the turn."""
    if isinstance(value, tuple):
        for part in value:
            _fixed(part, turn)
    elif isinstance(value, Expr):
        polynomial = coefficients(value, turn)
        if polynomial is None or len(polynomial) > 1:
            raise _NotAffineError


def _always(condition: Condition, turn: Expr, turns: Size) -> Condition:
    """Whether a condition holds in all turns: one on what grows evenly does where it does in the first and the last."""
    if not isinstance(condition, Expr):
        return condition
    if condition.op == "and":
        return all_of(*(_always(part, turn, turns) for part in condition.args))
    polynomial = coefficients(condition, turn)
    if polynomial is not None and len(polynomial) < 2:
        return condition
    atom = condition.args[0] if condition.op == "not" else condition
    if atom.op != "positive":
        raise _NotAffineError
    polynomial = coefficients(atom.args[0], turn)
    if polynomial is None or len(polynomial) > 2:
        raise _NotAffineError
    ends = [condition.trace.positive(at(polynomial, end)) for end in (0, turns - 1)]
    return all_of(*(end if condition.op == "positive" else negate(end) for end in ends))
