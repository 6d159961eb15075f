"""Layers that take further tensors of their body beside their input: the context of cross-attention, say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError
from archtool.field import joined
from archtool.layer import FieldError, Layer
from archtool.spec.steps import Call
from archtool.spec.values import Tensor, refuse_choice

if TYPE_CHECKING:
    from archtool.frame import Frame


def call_with_sides(
    frame: Frame, step: Call, target: type[Layer], names: tuple[str, ...], values: tuple[Any, ...], x: Tensor
) -> Tensor:
    """Place a layer behind x and the tensors that its fields name."""
    sides: dict[str, Tensor] = {}
    for name, value in zip(names, values, strict=True):
        if name in target.sides:
            try:
                sides[name] = frame.tensor(value, name)
            except RuleError as error:
                raise FieldError(name, f"{name}: {error}") from None
        refuse_choice(value, f"'{name}'")
    shapes = tuple(sides[name].shape if name in sides else value for name, value in zip(names, values, strict=True))
    run = frame.evaluation.layer(target, names, shapes, x.shape)
    others = [sides[name] for name in target.sides if name in sides]
    seen = run.layer.side_field(x.shape)
    fields = []
    for source, own in enumerate(frame.through(x, run.field)):
        beside = [field and field.then(seen) for field in (other.fields[source] for other in others)]
        fields.append(joined([own, *beside], run.output.axes))
    y = frame.add(run.output, tuple(fields))
    frame.enter(step.beside.path, run, (x.number, *(other.number for other in others)), y, step)
    return y
