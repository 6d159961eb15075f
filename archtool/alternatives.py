"""Alternatives under a condition that stays open: both are evaluated, and merged to one tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError, SpecError
from archtool.merging import merge_fields, merge_shapes
from archtool.runs import Merged, Problem
from archtool.size import any_of, negate, where
from archtool.spec.lists import is_list
from archtool.spec.values import HERE, Environment, Tensor
from archtool.trace import Expr

if TYPE_CHECKING:
    from archtool.frame import Frame


def alternatives(frame: Frame, condition: Expr, yes: Callable[[], Tensor], no: Callable[[], Tensor]) -> Tensor:
    """Both alternatives of an open condition, merged; one that fails is a problem of the designs that take it."""
    environment, count, shared = frame.environment, frame.count, frame.shared
    ends: list[tuple[Tensor, Environment]] = []
    labels: list[dict[str, Any]] = []
    failures: list[SpecError | RuleError] = []
    for holds, run in ((condition, yes), (negate(condition), no)):
        before = len(frame.problems), len(frame.entries), len(frame.tensors), frame.prefix
        frame.environment, frame.count = dict(environment), count * where(holds, 1, 0)
        frame.shared = dict(shared)
        try:
            ends.append((run(), frame.environment))
            labels.append(frame.shared)
            for index in range(before[0], len(frame.problems)):
                problem = frame.problems[index]
                frame.problems[index] = problem._replace(holds=any_of(negate(holds), problem.holds))
        except (SpecError, RuleError) as error:
            failures.append(error)
            del frame.problems[before[0] :], frame.entries[before[1] :], frame.tensors[before[2] :]
            frame.prefix = before[3]
            frame.merges = {number: merged for number, merged in frame.merges.items() if number < before[2]}
            frame.problems.append(Problem(negate(holds), str(error)))
    frame.environment, frame.count = environment, count
    if not ends:
        raise failures[0]
    frame.shared = labels[0]
    if len(ends) == 1:
        end, after = ends[0]
        environment.update(after)
        return end
    for label in labels[0].keys() | labels[1].keys():
        use = labels[0].get(label)
        frame.shared[label] = use if use is not None and use == labels[1].get(label) else condition
    (left, left_environment), (right, right_environment) = ends
    after = _merged(frame, condition, left_environment, right_environment)
    environment.clear()  # in place: the steps around this one hold on to it
    environment.update(after)
    return _merged_tensor(frame, condition, left, right)


def _merged_tensor(frame: Frame, condition: Expr, yes: Tensor, no: Tensor) -> Tensor:
    if yes is no:
        return yes
    fields = tuple(merge_fields(condition, a, b) for a, b in zip(yes.fields, no.fields, strict=True))
    merged = frame.add(merge_shapes(condition, yes.shape, no.shape), fields)
    frame.merges[merged.number] = Merged(condition, yes.number, no.number)
    return merged


def _merged(frame: Frame, condition: Expr, yes: Environment, no: Environment) -> Environment:
    """The environment after an open condition: names that have a value in both alternatives."""
    merged: Environment = {}
    for name, value in yes.items():
        if name in no and name != HERE:  # each step has its own
            found = _merged_value(frame, condition, value, no[name])
            if found is not None:
                merged[name] = found
    return merged


def _merged_value(frame: Frame, condition: Expr, yes: Any, no: Any) -> Any:
    """One value for both alternatives: tensors merge, also those of a loop's turns; None where there is none."""
    if isinstance(yes, Tensor) and isinstance(no, Tensor):
        return _merged_tensor(frame, condition, yes, no)
    if yes is no or not is_list(yes) or not is_list(no) or len(yes) != len(no):
        return yes if yes is no or (type(yes) is type(no) and yes == no) else None
    return tuple(_merged_value(frame, condition, a, b) for a, b in zip(yes, no, strict=True))
