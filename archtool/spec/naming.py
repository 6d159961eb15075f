"""The names of steps in a body: a step's own name, else its word and its ordinal among the steps of that word.

The ordinal is left out where a body has one such step: `conv1`, `conv2`, `add`.
"""

from __future__ import annotations

from collections import Counter

from archtool.spec.reader import Mapping, Node, Scalar, Sequence

_BESIDE = frozenset(("name", "at", "repeat", "first", "shares"))


def written_word(node: Node) -> str | None:
    """The word that a step would be named after; None for an `if`, whose steps count among those around it."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Mapping):
        for word in ("for", "do"):
            if word in node.entries:
                return word
        for word in node.entries:
            if word == "if":
                return None
            if word not in _BESIDE:
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
