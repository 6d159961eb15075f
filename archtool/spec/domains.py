"""The forms of `given`, `claims` and `explore`: checked and kept; what they do is not this room's business."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, NoReturn

from archtool.errors import SpecError, nearest
from archtool.spec.expressions import syntax_tree
from archtool.spec.reader import Document, Mapping, Node, Scalar, Sequence

RANGE: Final = re.compile(r"(?:(odd|even)\s+)?(-?\d[\d_]*)\.\.(-?\d[\d_]*)?(?::(\d[\d_]*))?", re.ASCII)
EXPLORE: Final = ("over", "zip", "where", "minimize", "maximize", "sample")
KNOB: Final = re.compile(r"([A-Za-z_]\w*)((?:\[\d+\])*)")  # a var, or an item of one
MOST_ITEMS: Final = 1000  # that `each` makes
CLAIM: Final = ("that", "name", "why", "when")
MAX_LENGTH: Final = 2000
AS: Final = re.compile(r"\bas\s*=(?!=)")  # a keyword of ours that is a reserved word of Python's parser


class Range(NamedTuple):
    """The whole numbers from `low` to `high` (None: without end) by `step`."""

    low: int
    high: int | None
    step: int = 1


class Claim(NamedTuple):
    """A claim as written; all parts are texts, empty where they are absent."""

    that: str
    name: str
    why: str
    when: str
    node: Node


def parse_range(text: str) -> Range | None:
    """`a..b`, `a..b:step`, `odd a..b` or `a..`; None for another form. Raises ValueError for an empty range.

    >>> parse_range("odd 1..11")
    Range(low=1, high=11, step=2)
    """
    found = RANGE.fullmatch(text.strip())
    if found is None:
        return None
    parity, low_text, high_text, step_text = found.groups()
    low, high = int(low_text), None if high_text is None else int(high_text)
    step = int(step_text or 1)
    if parity is not None:
        if step_text is not None:
            raise ValueError("a range is odd or even, or has a step, not both")
        low, step = low + (low % 2 == (parity == "even")), 2
    if step < 1:
        raise ValueError("a range needs a step of at least 1")
    if high is not None and high < low:
        raise ValueError(f"the range {text} is empty")
    return Range(low, high, step)


class Forms:
    """Checks the form of the parts that a document keeps for later readings."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def fail(self, node: Node, reason: str) -> NoReturn:
        raise SpecError(reason, self.document.at(node))

    def entries(self, node: Node, what: str) -> dict[str, tuple[Scalar, Node]]:
        if not isinstance(node, Mapping):
            self.fail(node, f"'{what}' must be a mapping")
        return node.entries

    def text(self, node: Node, what: str) -> str:
        if not isinstance(node, Scalar) or not node.text:
            self.fail(node, f"{what} must be a text")
        return node.text

    def formula(self, node: Node, what: str) -> str:
        """A text that has the form of an expression."""
        text = self.text(node, what)
        if len(text) > MAX_LENGTH:
            self.fail(node, f"{what} has more than {MAX_LENGTH:,} characters")
        try:
            syntax_tree(AS.sub("as_=", text))
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            self.fail(node, f"{what} is not an expression: {text}")
        return text

    def domain(self, node: Node, what: str) -> Range | tuple[str, ...]:
        """The values that a variable may take: a range, or a list."""
        if isinstance(node, Sequence):
            if not node.items:
                self.fail(node, f"the domain of '{what}' is empty")
            return tuple(item.text if isinstance(item, Scalar) else "[...]" for item in node.items)
        text = self.text(node, f"the domain of '{what}'")
        try:
            found = parse_range(text)
        except ValueError as error:
            self.fail(node, str(error))
        if found is None:
            self.fail(node, f"'{text}' is not a domain; write a..b, a..b:step, odd a..b, a.. or a list")
        return found

    def given(self, node: Node) -> dict[str, Range | tuple[str, ...]]:
        """`given`: var -> domain."""
        return {name: self.domain(value, name) for name, (_, value) in self.entries(node, "given").items()}

    def claims(self, node: Node) -> tuple[Claim, ...]:
        """`claims`: expressions, or {that, name, why, when}."""
        if not isinstance(node, Sequence):
            self.fail(node, "'claims' must be a list")
        return tuple(self.claim(item) for item in node.items)

    def claim(self, node: Node) -> Claim:
        if isinstance(node, Scalar):
            return Claim(self.formula(node, "a claim"), "", "", "", node)
        entries = self.entries(node, "a claim")
        for name, (key, _) in entries.items():
            if name not in CLAIM:
                self.fail(key, f"a claim has no '{name}'" + nearest(name, list(CLAIM)))
        if "that" not in entries:
            self.fail(node, "a claim needs 'that'")
        texts = {name: self.text(value, f"'{name}'") for name, (_, value) in entries.items()}
        for name in ("that", "when"):
            if name in entries:
                self.formula(entries[name][1], f"'{name}' of a claim")
        that, name, why, when = (texts.get(part, "") for part in CLAIM)
        return Claim(that, name, why, when, node)

    def explore(self, node: Node, known: list[str]) -> Mapping:
        """`explore`: over (var -> domain, or {each, of}), zip, where, minimize, maximize, sample; `known`: the vars."""
        entries = self.entries(node, "explore")
        for name, (key, value) in entries.items():
            if name not in EXPLORE:
                self.fail(key, f"'explore' has no '{name}'" + nearest(name, list(EXPLORE)))
            if name == "over":
                for knob, (word, domain) in self.entries(value, "over").items():
                    self.known(knob, word, known)
                    self.knob(knob, domain)
            elif name not in ("sample", "zip"):
                for item in value.items if isinstance(value, Sequence) else [value]:
                    self.formula(item, f"'{name}'")
        if "over" not in entries:
            self.fail(node, "'explore' needs 'over'")
        assert isinstance(node, Mapping)
        return node

    def known(self, name: str, node: Node, known: list[str]) -> None:
        """What varies is a var, or an item of one."""
        form = KNOB.fullmatch(name)
        if form is None:
            self.fail(node, f"'{name}' is no knob; write a var, or an item of one like depths[0]")
        if form[1] not in known:
            self.fail(node, f"there is no var '{form[1]}' to vary" + nearest(form[1], known))

    def knob(self, name: str, node: Node) -> None:
        if not isinstance(node, Mapping):
            self.domain(node, name)
            return
        for part, (key, _) in node.entries.items():
            if part not in ("each", "of"):
                self.fail(key, f"a choice has 'each' and 'of', not '{part}'")
        if "of" not in node.entries:
            self.fail(node, f"the choice '{name}' needs 'of'")
        self.domain(node.entries["of"][1], name)
