"""Where the nodes of a spec stand in its text, from their first to their last character, so that it can be edited."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from archtool.spec.reader import Document, Mapping, Node, Scalar, Sequence, parser

# texts that mean the same with quotes and without
PLAIN: Final = re.compile(r"[+.-]?[A-Za-z0-9_](?:[^\[\]{},:#\"'\n]*[^\[\]{},:#\"'\s])?")
_KINDS: Final = {"Scalar": Scalar, "Sequence": Sequence, "Mapping": Mapping}


class Spans:
    """The spans of the nodes of a document, as offsets in its text."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._ends: dict[tuple[type, int, int], int] = {}
        self._last = 0  # where the last scalar or flow collection ended
        self._open: list[Any] = []
        for event in iter(parser(document.text).get_event, None):
            self._event(event)

    def of(self, node: Node) -> tuple[int, int]:
        """Where a node begins, and where it ends: behind its last character that is no space, comment or line break."""
        return self.start(node), self._ends[type(node), node.line, node.column]

    def start(self, node: Node) -> int:
        """Where a node begins."""
        return self.document.source.offset(node.line, node.column)

    def text(self, node: Node) -> str:
        """A node as it is written."""
        start, end = self.of(node)
        return self.document.text[start:end]

    def _event(self, event: Any) -> None:
        name = type(event).__name__.removesuffix("Event")
        kind = _KINDS.get(name.removesuffix("Start"))
        if kind is Scalar:
            self._end(kind, event.start_mark, event.end_mark)
        elif name.endswith("Start") and kind is not None:
            self._open.append((kind, event.start_mark, event.flow_style))
        elif name in ("SequenceEnd", "MappingEnd"):
            kind, mark, is_flow = self._open.pop()
            self._end(kind, mark, event.end_mark if is_flow else None)  # a block ends where its last node does

    def _end(self, kind: type, start: Any, end: Any) -> None:
        source = self.document.source
        first = source.offset(start.line + 1, start.column + 1)
        if end is not None:
            last = source.offset(end.line + 1, end.column + 1)
            self._last = first + len(self.document.text[first:last].rstrip())
        self._ends[kind, start.line + 1, start.column + 1] = max(first, self._last)


def in_flow(node: Node) -> str:
    """A node on one line, as it can stand in [ ] and { }.

    >>> from archtool.spec.reader import read_text
    >>> in_flow(read_text("act:\\n  conv:\\n    out: max(a, b)\\n    kernel: [3, 1]", "").root)
    '{act: {conv: {out: "max(a, b)", kernel: [3, 1]}}}'
    """
    if isinstance(node, Sequence):
        return f"[{', '.join(map(in_flow, node.items))}]"
    if isinstance(node, Mapping):
        return "{" + ", ".join(f"{quoted(name)}: {in_flow(value)}" for name, (_, value) in node.entries.items()) + "}"
    return quoted(node.text)


def quoted(text: str) -> str:
    """A scalar's text, in quotes where it needs them."""
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
