"""A whole spec as the rules about what is never used look at it: all its designs, which share one document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archtool.spec.reader import Document, Mapping, Node, Scalar, Sequence
from archtool.spec.spec import Spec


class Sheet(NamedTuple):
    """A document and its compiled specs, one a design."""

    document: Document
    specs: tuple[Spec, ...]

    def entries(self, key: str) -> dict[str, tuple[Scalar, Node]]:
        """What stands below a top-level key; nothing where that is no mapping."""
        node = self.document.root.entries[key][1] if key in self.document.root.entries else None
        return node.entries if isinstance(node, Mapping) else {}


def texts(node: Node) -> Iterator[str]:
    """Every word, expression and key in a part of a document."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Scalar):
            yield each.text
        elif isinstance(each, Sequence):
            waiting += each.items
        else:
            for key, value in each.entries.values():
                waiting += (key, value)
