"""The names of steps in a body: a step's own name, else its word and its ordinal among the steps of that word.

The ordinal is left out where a body has one such step: `conv1`, `conv2`, `add`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NoReturn

from archtool.layer import find, kinds
from archtool.spec.reader import Mapping, Node, Scalar, Sequence

Entries = dict[str, tuple[Scalar, Node]]
Fail = Callable[[Node, str], NoReturn]

LOOP = "loop"  # what a loop without a name is called; `for` could name no attribute of a torch module
BESIDE = ("name", "at", "repeat", "first", "shares")  # words that stand beside a step


def written_word(node: Node) -> str | None:
    """The word that a step would be named after; None for an `if`, whose steps count among those around it."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Mapping):
        if "for" in node.entries:
            return LOOP
        if "do" in node.entries:
            return "do"
        for word in node.entries:
            if word == "if":
                return None
            if word not in BESIDE:
                return word
    return None


def count_words(items: list[Node]) -> Counter[str]:
    """How many steps without a name of their own a body has of each word, at most, whatever branch is taken."""
    counts: Counter[str] = Counter()
    for item in items:
        entries = item.entries if isinstance(item, Mapping) else {}
        if "if" in entries:
            branches = [entries[key][1] for key in ("then", "else") if key in entries]
            each = [count_words(branch.items) for branch in branches if isinstance(branch, Sequence)]
            most: Counter[str] = Counter()
            for count in each:
                most |= count
            counts += most
        elif "name" not in entries:
            word = written_word(item)
            if word is not None:
                counts[word] += 1
    return counts


class Names:
    """Gives a body's steps their names, in order."""

    def __init__(self, totals: Counter[str]) -> None:
        self.totals = totals
        self.used: Counter[str] = Counter()

    def next(self, word: str) -> str:
        """The name of the next step of that word."""
        self.used[word] += 1
        return f"{word}{self.used[word]}" if self.totals[word] > 1 else word

    def fork(self) -> Names:
        """The names as they stand, for the other branch of an `if`."""
        other = Names(self.totals)
        other.used = self.used.copy()
        return other

    def join(self, other: Names) -> None:
        """Go on after both branches."""
        self.used |= other.used


def tensor_names(node: Node, fail: Fail) -> dict[str, Scalar]:
    """The names that a body's steps are given, each once, before its expressions are compiled."""
    found: dict[str, Scalar] = {}
    if not isinstance(node, Sequence):
        return found
    for item in node.items:
        if isinstance(item, Mapping):
            _merge(found, _names_of(item.entries, fail), fail)
    return found


def _names_of(entries: Entries, fail: Fail) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {}
    if "name" in entries and isinstance(entries["name"][1], Scalar) and "for" not in entries:
        found[entries["name"][1].text] = entries["name"][1]
    if "if" in entries:
        yes, no = (tensor_names(entries[key][1], fail) if key in entries else {} for key in ("then", "else"))
        return {**no, **yes}
    for key, (_, node) in entries.items():
        if key == "do":
            _merge(found, tensor_names(node, fail), fail)
        elif isinstance(node, Mapping) and key in kinds() and find(key).is_join:
            for _, path in node.entries.values():
                steps = path.entries["do"][1] if isinstance(path, Mapping) and "do" in path.entries else path
                _merge(found, tensor_names(steps, fail), fail)
    return found


def _merge(found: dict[str, Scalar], more: dict[str, Scalar], fail: Fail) -> None:
    for name, node in more.items():
        if name in found:
            fail(node, f"the name '{name}' is given twice (first on line {found[name].line})")
        found[name] = node
