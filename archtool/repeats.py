"""Repetition as algebra: turn by turn until the shape stays, then the turns that are left as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from archtool.alternatives import alternatives
from archtool.errors import RuleError, Untraceable
from archtool.fields import SizeKind
from archtool.growing import grown
from archtool.merging import then_power
from archtool.runs import BlockRun, Problem, Run
from archtool.size import Size, less
from archtool.spec.steps import Call, Group, Step
from archtool.spec.values import HERE, Tensor
from archtool.trace import Expr, bounds

if TYPE_CHECKING:
    from archtool.frame import Frame

MAX_UNROLLED: Final = 100_000  # turns of a repeat whose body changes its shape
MOST_STATES: Final = 32  # turns that are told apart where their number varies
LAST_IRREGULAR: Final = 2  # the last turn from which on a body may begin to grow by the same amount each turn


def repeat(frame: Frame, step: Step, x: Tensor) -> Tensor:
    """Turn after turn until the shape stays; then the turns that are left, as one."""
    assert step.beside.repeat is not None
    n = _turns(frame, step, step.beside.repeat.evaluate(frame.environment))
    path = step.beside.path
    if isinstance(step, Group) and step.body.reads_outside:
        return _unrolled(frame, step, n, x)
    turn = 0
    while True:
        more = less(turn, n)
        if more is False:
            return x
        if isinstance(more, Expr):
            at = turn
            return alternatives(frame, more, lambda: _rest(frame, step, at, n, x), lambda: x)  # noqa: B023 - called at once
        frame.evaluation.allowance.spend(1, "too many turns")
        run = _turn(frame, step, turn, x)
        output = run.output.shape if isinstance(run, BlockRun) else run.output
        is_steady = turn > 0 or step.beside.first is None
        if is_steady and output == x.shape and _composes(run, n - turn):
            return frame.place(f"{path}.{turn}", run, x, step, turn, n - turn)
        if is_steady and isinstance(n, Expr):
            all_turns = _grown(frame, step, turn, n, run, x)
            if all_turns is not None:
                return all_turns
        x = frame.place(f"{path}.{turn}", run, x, step, turn)
        turn += 1
        if turn > 1 and isinstance(n, int) and n > MAX_UNROLLED:
            raise RuleError(f"a repeat whose body changes its shape stops at {MAX_UNROLLED:,} turns, not {n:,}")


def _rest(frame: Frame, step: Step, turn: int, n: Size, x: Tensor) -> Tensor:
    """The turns from `turn` on of a varying number n > turn."""
    run = _turn(frame, step, turn, x)
    output = run.output.shape if isinstance(run, BlockRun) else run.output
    path = step.beside.path
    if turn > 0 or step.beside.first is None:
        if output == x.shape and _composes(run, n - turn):
            return frame.place(f"{path}.{turn}", run, x, step, turn, n - turn)
        all_turns = _grown(frame, step, turn, n, run, x)
        if all_turns is not None:
            return all_turns
    _check_states(n, "the number of turns of a body that changes its shape varies")
    y = frame.place(f"{path}.{turn}", run, x, step, turn)
    more = less(turn + 1, n)
    if isinstance(more, Expr):
        return alternatives(frame, more, lambda: _rest(frame, step, turn + 1, n, y), lambda: y)
    return _rest(frame, step, turn + 1, n, y) if more else y


def _composes(run: Run, turns: Size) -> bool:
    """Whether the field of so many turns has a closed form."""
    field = run.output.fields[0] if isinstance(run, BlockRun) else run.seen
    if isinstance(turns, Expr) and field is not None:
        try:
            then_power(field, field, turns)
        except Untraceable:
            return False
    return True


def _grown(frame: Frame, step: Step, turn: int, n: Size, run: Run, x: Tensor) -> Tensor | None:
    """The turns from `turn` on, the first of which is `run`, where each changes the shape by the same amount."""
    trace = frame.evaluation.trace
    if trace is None or turn > LAST_IRREGULAR or step.beside.shares is not None:
        return None
    together = grown(trace, run, n - turn, lambda shape: _turn(frame, step, turn, Tensor(shape, x.fields, x.number)))
    return together and frame.place(f"{step.beside.path}.{turn}", together, x, step, turn)


def _check_states(n: Size, reason: str) -> None:
    """Where turns are told apart one by one, their number is one of a few."""
    if bounds(n)[1] > MOST_STATES:
        raise Untraceable(reason, n)


def _turn(frame: Frame, step: Step, turn: int, x: Tensor) -> Run:
    """One turn of a repeated step."""
    frame.environment[HERE] = x
    if isinstance(step, Call):
        fields = step.fields
        values = frame.values(fields)
        first = step.beside.first
        if turn == 0 and first is not None:
            merged = dict(zip(fields.names, values, strict=True))
            merged.update(zip(first.names, frame.values(first), strict=True))
            return frame.run(step, tuple(merged), tuple(merged.values()), x)
        return frame.run(step, fields.names, values, x)
    assert isinstance(step, Group)
    return frame.alone(step.body, x)


def _unrolled(frame: Frame, step: Group, n: Size, x: Tensor) -> Tensor:
    """Turns that read tensors of this body: one after the other."""
    if isinstance(n, Expr):
        _check_states(n, "the number of turns of a body that reads other tensors varies")
        return _unrolled_from(frame, step, 0, n, x)
    if n > MAX_UNROLLED:
        raise RuleError(f"a repeat whose body reads other tensors stops at {MAX_UNROLLED:,} turns")
    for turn in range(n):
        x = frame.nested(f"{step.beside.path}.{turn}.", step.body, x)
    return x


def _unrolled_from(frame: Frame, step: Group, turn: int, n: Expr, x: Tensor) -> Tensor:
    """The turns from `turn` on, each of which is taken or not."""

    def rest() -> Tensor:
        y = frame.nested(f"{step.beside.path}.{turn}.", step.body, x)
        return _unrolled_from(frame, step, turn + 1, n, y)

    more = less(turn, n)
    if isinstance(more, Expr):
        return alternatives(frame, more, rest, lambda: x)
    return rest() if more else x


def _turns(frame: Frame, step: Step, value: Any) -> Size:
    """The number of turns; that it is one is a rule, where it varies."""
    try:
        n, problems = frame.evaluation.watch(lambda: SizeKind(0).read(value))
    except RuleError as error:
        raise RuleError(f"repeat: {error}") from None
    name = frame.prefix + step.beside.path
    frame.problems += [Problem(holds, f"{name}: repeat: {rule}") for holds, rule in problems]
    return n
