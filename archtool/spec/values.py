"""What an expression may evaluate to besides numbers, and the environment that it is evaluated in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from archtool.errors import RuleError, Untraceable
from archtool.field import Field
from archtool.shape import Shape
from archtool.size import Size

Environment = dict[str, Any]

# Names in an environment that no variable can have.
HERE = "@x"  # the tensor that the step receives
INPUT = "@input"  # the body's own input
WORK = "@work"  # the evaluation's allowance of work


def tensor_key(name: str) -> str:
    """Where an environment keeps the tensor of that name."""
    return "@" + name


class StepValue(NamedTuple):
    """A step as a value (`act: relu`, `op: {mbconv: {expand: 6}}`): what it names, and its fields' values.

    `target` is a layer kind (a class) or a block; two step values are equal where they mean the same step.
    """

    target: Any
    word: str
    names: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"the step '{self.word}'"


class Choice(NamedTuple):
    """A value that varies with the design and is no size: one of some words, steps or truth values.

    `number` says which, from 0 to len(options) - 1.
    """

    number: Size
    options: tuple[Any, ...]

    def __str__(self) -> str:
        return "a choice between " + " and ".join(map(str, self.options))


def refuse_choice(value: object, what: str) -> None:
    """Where one value is needed, the space of designs has to be split at a choice: Untraceable."""
    if isinstance(value, Choice):
        raise Untraceable(f"{what} is {value}", value)


class Tensor:
    """A tensor at a place in a body: its shape, what it sees of each source of the body, and where it stands.

    `fields` has one Field a source, None where the tensor does not depend on it; `number` counts the body's tensors;
    `outputs` are further named outputs of the block that made it.
    """

    __slots__ = ("fields", "number", "outputs", "shape")

    def __init__(
        self,
        shape: Shape,
        fields: tuple[Field | None, ...],
        number: int,
        outputs: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.shape = shape
        self.fields = fields
        self.number = number
        self.outputs = outputs

    def __str__(self) -> str:
        return f"a tensor of {self.shape}"


class Allowance:
    """How much work is left; specs are untrusted, so lists, turns and steps are counted."""

    __slots__ = ("left",)

    def __init__(self, amount: int) -> None:
        self.left = amount

    def spend(self, amount: int, on: str) -> None:
        """Take an amount; raises RuleError where there is not enough left."""
        self.left -= amount
        if self.left < 0:
            raise RuleError(f"this spec asks for too much work ({on})")
