"""Steps and fields that are one of several, whichever the design takes: all are evaluated, and merged to one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archtool.alternatives import alternatives
from archtool.size import any_of, equal, where
from archtool.spec.scope import with_fields
from archtool.spec.steps import Beside, Call
from archtool.spec.values import Choice, StepValue, Tensor
from archtool.trace import CONDITIONS, Expr

if TYPE_CHECKING:
    from archtool.frame import Frame
    from archtool.runs import BlockRun


def chosen(
    frame: Frame, step: Call, target: Any, names: tuple[str, ...], values: tuple[Any, ...], x: Tensor
) -> BlockRun:
    """The run of a step whose target, or one of whose fields, is a choice; evaluated once, as a block is."""
    if isinstance(target, Choice) and step.other is not None:
        other = StepValue(step.other, step.word)
        target = Choice(
            target.number, tuple([each if isinstance(each, StepValue) else other for each in target.options])
        )
    key = (Choice, target, names, values, tuple(map(type, values)), x.shape)
    run = frame.evaluation.blocks.get(key)
    if run is None:
        inner = frame.inside(x.shape)
        start = inner.tensors[0]
        bare = step._replace(beside=Beside(step.beside.node, step.beside.path))

        def place(held: StepValue) -> Tensor:
            return inner.place(held.word, inner.run_of(bare, held.target, held.names, held.values, start), start, bare)

        if isinstance(target, Choice):
            given = tuple(zip(names, values, strict=True))
            output = each_option(inner, target, lambda option: place(with_fields(option, step.word, given)))
        else:
            at = next(at for at, value in enumerate(values) if is_choice(value))
            output = each_option(
                inner,
                values[at] if isinstance(values[at], Choice) else Choice(where(values[at], 1, 0), (False, True)),
                lambda option: place(StepValue(target, target.kind, names, (*values[:at], option, *values[at + 1 :]))),
            )
        run = frame.evaluation.blocks[key] = inner.finish("choice", output, {})
    return run


def each_option(frame: Frame, choice: Choice, run: Callable[[Any], Tensor]) -> Tensor:
    """What comes out for the option that a design takes; options that are the same are run once."""
    places: dict[Any, list[int]] = {}
    for index, option in enumerate(choice.options):
        places.setdefault((type(option), option), []).append(index)
    options = list(places.items())

    def rest(turn: int) -> Tensor:
        (_, option), indices = options[turn]
        taken = any_of(*[equal(choice.number, index) for index in indices])
        if turn == len(options) - 1 or taken is True:
            return run(option)
        if not isinstance(taken, Expr):
            return rest(turn + 1)
        return alternatives(frame, taken, lambda: run(option), lambda: rest(turn + 1))

    return rest(0)


def has_choice(values: tuple[Any, ...]) -> bool:
    """Whether a field's value is one of several."""
    return any([is_choice(value) for value in values])


def is_choice(value: object) -> bool:
    """Whether a value is one of several: of words or steps, or of true and false (an open condition)."""
    return type(value) is Choice or (type(value) is Expr and value.op in CONDITIONS)
