"""Lists in expressions: tuples, whose work and size are bounded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from archtool.errors import RuleError, Untraceable
from archtool.fields import describe
from archtool.size import Ratio
from archtool.spec.numbers import brief
from archtool.spec.values import WORK, Environment, refuse_choice
from archtool.trace import Expr

LONGEST_LIST: Final = 100_000


def bind(environment: Environment, names: tuple[str, ...], turn: Any) -> None:
    """Set a loop's names to a turn's value, taken apart where there are several names."""
    if len(names) == 1:
        environment[names[0]] = turn
        return
    values = sequence(turn, f"a turn of a loop over {', '.join(names)}")
    if len(values) != len(names):
        raise RuleError(f"a turn has {len(values)} values, the loop has {len(names)} names ({', '.join(names)})")
    environment.update(zip(names, values, strict=True))


def sequence(value: Any, what: str) -> tuple[Any, ...]:
    """The value, which must be a list."""
    if not is_list(value):
        refuse_choice(value, f"a list (in {what})")
        raise RuleError(f"{describe(value)} is not a list (in {what})")
    return value  # type: ignore[no-any-return]  # checked above


def is_list(value: object) -> bool:
    """Whether a value is a list of the language (other values are tuples of their own class)."""
    return type(value) is tuple


def item(of: Any, at: Any, text: str) -> Any:
    """of[at]: an item of a list, or the tensor of a turn of a loop."""
    if not is_list(of):
        refuse_choice(of, f"a list (in '{shortened(text)}')")
        raise RuleError(f"{describe(of)} is not a list (in '{shortened(text)}')")
    if isinstance(at, Expr | Ratio):
        raise Untraceable("a list is indexed by a varying number", at)
    if type(at) is not int:
        raise RuleError(f"{describe(at)} is not an index (in '{shortened(text)}')")
    if not -len(of) <= at < len(of):
        raise RuleError(f"index {brief(at)} is outside a list of {len(of)} (in '{shortened(text)}')")
    return of[at]


def shortened(text: str) -> str:
    """A text, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def in_text(reason: str, text: str) -> str:
    """A reason with the expression that it is about behind it, unless it ends with that already."""
    tail = f"(in '{shortened(text)}')"
    return reason if reason.endswith(tail) else f"{reason} {tail}"


def spend(environment: Environment, amount: int) -> None:
    """Take work for some items of lists; raises RuleError where there is not enough left."""
    environment[WORK].spend(amount, "lists too long")


def spend_on(environment: Environment, values: Iterable[Any]) -> None:
    """Take work for all that those of some values hold that are lists: they are about to be walked through."""
    for value in values:
        if is_list(value):
            spend(environment, items_held(value))


def made(environment: Environment, items: Iterable[Any]) -> tuple[Any, ...]:
    """A list of these items; all that it holds, lists in lists too, counts as work."""
    result = tuple(items)
    spend(environment, items_held(result))
    return result


def items_held(values: tuple[Any, ...]) -> int:
    """How many values a list holds; raises RuleError where a few lists in lists hold too many."""
    held = len(values)
    for value in values:
        if is_list(value):
            held += items_held(value)
        if held > LONGEST_LIST:
            raise RuleError(f"a list of more than {LONGEST_LIST:,} items")
    return held
