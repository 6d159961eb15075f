"""What claims are made of: a tree whose leaves are comparisons of numbers, and facts about networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from archtool.spec.expressions import Expression


class Reference(NamedTuple):
    """A network that a claim names, with the arguments that it gives it (a number, a list, a word, a step)."""

    name: str
    arguments: tuple[tuple[str, Argument], ...]
    text: str


class Step(NamedTuple):
    """A step as an argument: a layer kind or a block, and its fields."""

    word: str
    fields: tuple[tuple[str, Argument], ...]


class Word(NamedTuple):
    """A bare word as an argument, or a text in quotes: what the spec makes of it."""

    text: str


Argument = Expression | Step | Word


class Number(NamedTuple):
    """A number of a network: `function` of `subject`, counted as the options say."""

    function: str
    subject: Reference
    options: tuple[tuple[str, Any], ...]
    text: str


class Side(NamedTuple):
    """One side of a comparison."""

    text: str
    value: Expression


class Comparison(NamedTuple):
    """A statement over numbers; `numbers` by the names that they have in its expressions, `sides` what it compares."""

    text: str
    truth: Expression
    numbers: Mapping[str, Number]
    sides: tuple[Side, ...]
    signs: tuple[str, ...]


class Fact(NamedTuple):
    """A property of a network, or a relation: `function` of `subjects`; `options` are words, or a target's text."""

    function: str
    subjects: tuple[Reference, ...]
    options: Mapping[str, Any]
    text: str


class Not(NamedTuple):
    """The opposite of a part."""

    part: Part
    text: str


class All(NamedTuple):
    """Each of several parts."""

    parts: tuple[Part, ...]
    text: str


class Some(NamedTuple):
    """At least one of several parts."""

    parts: tuple[Part, ...]
    text: str


Part = Comparison | Fact | Not | All | Some


def leaves(part: Part) -> Iterator[Comparison | Fact]:
    """The comparisons and facts that a claim is made of."""
    if isinstance(part, Comparison | Fact):
        yield part
    else:
        for each in (part.part,) if isinstance(part, Not) else part.parts:
            yield from leaves(each)


def subjects_of(leaf: Comparison | Fact) -> tuple[Reference, ...]:
    """The networks that a comparison or a fact is about."""
    return leaf.subjects if isinstance(leaf, Fact) else tuple([number.subject for number in leaf.numbers.values()])
