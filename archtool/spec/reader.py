"""Text to a tree that keeps positions.

The tree is built from PyYAML's event stream (libyaml's where it is there), which is three to four times faster
than loading dicts and knows where everything stands. Scalars stay text: `no`, `1:20` and `010` are words, and
what they mean is for the expression layer. What YAML allows and a spec does not (anchors, aliases, merge keys,
tags, several documents, duplicate keys) is refused here, and so is what YAML reads without a complaint and
nobody can have meant.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from archtool.collector import collector_paused
from archtool.errors import Position, SpecError

MAX_SIZE = 10_000_000  # bytes of a file, characters of a text
MAX_DEPTH = 100  # collections within collections
LONGEST_LINE = 120  # characters of a line that a message shows

_BREAK = "\r\n|[\n\r\x85\u2028\u2029]"  # the line breaks of YAML 1.1, which PyYAML counts
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})  # of YAML 1.2's core schema


class Source:
    """The text of one spec and its name: turns offsets, lines and columns into each other."""

    __slots__ = ("name", "starts", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.starts: list[int] = []  # the offset of each line, filled in at the first error

    def offset(self, line: int, column: int) -> int:
        starts = self._line_starts()  # PyYAML may end a text on a line that is not there
        return starts[line - 1] + column - 1 if line <= len(starts) else len(self.text)

    def position(self, offset: int) -> Position:
        from bisect import bisect_right

        line = bisect_right(self._line_starts(), offset)
        return Position(self.name, line, offset - self.starts[line - 1] + 1)

    def raw_line(self, line: int) -> str:
        """The line without its line break; "" beyond the last one."""
        starts = self._line_starts()
        if not 1 <= line <= len(starts):
            return ""
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n\x85\u2028\u2029")

    def line(self, line: int) -> str:
        """The stripped line, cut where it is too long for a message."""
        stripped = self.raw_line(line).strip()
        return stripped if len(stripped) <= LONGEST_LINE else stripped[: LONGEST_LINE - 3] + "..."

    def line_at(self, offset: int) -> str:
        return self.line(self.position(offset).line)

    def error(self, reason: str, offset: int, *hints: str) -> SpecError:
        return SpecError(reason, self.position(offset), hints=hints)

    def _line_starts(self) -> list[int]:
        if not self.starts:
            import re

            self.starts = [0, *(match.end() for match in re.finditer(_BREAK, self.text))]
        return self.starts


class Scalar:
    """A word, number, expression or text, as written; an empty or null value has the text "" and is not quoted.

    `quoted` holds for every style but the plain one, block texts (| and >) too.
    """

    __slots__ = ("column", "line", "quoted", "text")

    def __init__(self, text: str, quoted: bool, line: int, column: int) -> None:
        self.text = text
        self.quoted = quoted
        self.line = line
        self.column = column

    def __repr__(self) -> str:
        return f"Scalar({self.text!r}, {self.quoted}, {self.line}, {self.column})"


class Sequence:
    """A list; `flow`: written in [ ]."""

    __slots__ = ("column", "flow", "items", "line")

    def __init__(self, items: list[Node], flow: bool, line: int, column: int) -> None:
        self.items = items
        self.flow = flow
        self.line = line
        self.column = column

    def __repr__(self) -> str:
        return f"Sequence({self.items!r}, {self.flow}, {self.line}, {self.column})"


class Mapping:
    """Key text -> (key, value), in the order written; `flow`: written in { }."""

    __slots__ = ("column", "entries", "flow", "line")

    def __init__(self, entries: dict[str, tuple[Scalar, Node]], flow: bool, line: int, column: int) -> None:
        self.entries = entries
        self.flow = flow
        self.line = line
        self.column = column

    def __repr__(self) -> str:
        return f"Mapping({self.entries!r}, {self.flow}, {self.line}, {self.column})"


Node = Scalar | Sequence | Mapping


class Document:
    """A spec that has been read: its name as errors show it, its text, and the tree."""

    __slots__ = ("root", "source")

    def __init__(self, source: Source, root: Mapping) -> None:
        self.source = source
        self.root = root

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def text(self) -> str:
        return self.source.text

    def at(self, node: Node) -> Position:
        return Position(self.source.name, node.line, node.column)


def read_file(path: str | os.PathLike[str]) -> Document:
    """Read the spec in a file of UTF-8 text; its name is the path as given.

    Raises SpecError where the file cannot be read, is larger than MAX_SIZE bytes, or as `read_text` does.
    """
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        reasons = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "this is a directory, not a file",
            PermissionError: "no permission to read this file",
        }
        reason = reasons.get(type(error), f"cannot read this file: {error.strerror or error}")
        raise SpecError(reason, Position(name, 1, 1)) from None
    except ValueError:  # a NUL in the path
        raise SpecError("this is not the name of a file", Position(name, 1, 1)) from None
    return read_bytes(data, name)


def read_bytes(data: bytes, name: str) -> Document:
    """Read a spec from UTF-8 bytes; raises SpecError as `read_file` does."""
    _refuse_large(len(data), "bytes", name)
    return read_text(_decoded(data, name), name)


def read_text(text: str, name: str) -> Document:
    """Read a spec from its text; `name` is what errors call it.

    Raises SpecError, with the position, for everything that is not one YAML mapping within the language.
    """
    _refuse_large(len(text), "characters", name)
    source = Source(name, text.removeprefix("\ufeff"))
    if "\ufeff" in source.text:  # PyYAML lets this one pass, and its two parsers count columns differently after it
        from archtool.spec.slips import refused_character

        raise refused_character(source)
    builder = _Builder(source)
    with collector_paused():
        builder.read()
    roots = builder.documents.items
    if not roots or (type(roots[0]) is Scalar and not roots[0].quoted and not roots[0].text):
        raise SpecError("the file is empty: a spec has at least 'layers:'", Position(name, 1, 1))
    root = roots[0]
    if not isinstance(root, Mapping):
        kind = "a list" if isinstance(root, Sequence) else "a single word or text"
        reason = f"a spec is a mapping of keys like 'name:' and 'layers:', this is {kind}"
        raise SpecError(reason, Position(name, root.line, root.column))
    return Document(source, root)


def _refuse_large(size: int, unit: str, name: str) -> None:
    if size > MAX_SIZE:
        raise SpecError(f"larger than {MAX_SIZE:_} {unit}, the most a spec may have", Position(name, 1, 1))


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        reason = f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise SpecError(reason, Position(name, line, column)) from None


class _Builder:
    """Builds the tree from events, one at a time, without recursion.

    `top` is the innermost open collection, `outer` those around it, `key` the key in `top` that waits for its value.
    `flow` is the outermost flow collection begun last; `suspect`: a plain scalar in it opens a ( and does not close
    it, as in `{out: max(a, b)}`, which YAML reads as two entries, or a key without a value has a colon (`{out:3}`).
    """

    __slots__ = ("documents", "flow", "key", "outer", "source", "suspect", "top")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.documents = Sequence([], False, 1, 1)
        self.top: Sequence | Mapping = self.documents
        self.outer: list[Sequence | Mapping] = []
        self.key: Scalar | None = None
        self.flow: Sequence | Mapping | None = None
        self.suspect = False

    def read(self) -> None:
        """Take in the whole text; PyYAML is imported here, so that only who reads a spec pays for it."""
        import yaml

        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self.scalar,
            yaml.SequenceStartEvent: self.begin_sequence,
            yaml.MappingStartEvent: self.begin_mapping,
            yaml.SequenceEndEvent: self.end,
            yaml.MappingEndEvent: self.end,
            yaml.AliasEvent: self.alias,
            yaml.DocumentStartEvent: self.begin_document,
            yaml.DocumentEndEvent: self.skip,
            yaml.StreamStartEvent: self.skip,
            yaml.StreamEndEvent: self.skip,
        }
        try:
            for event in iter(parser(self.source.text).get_event, None):
                handlers[type(event)](event)
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # not YAMLError: surrogates, bad \U escapes
            if "nesting depth" in str(error):  # libyaml's own bound, met while it looks ahead
                self.refuse(f"nested more than {MAX_DEPTH} deep", self.top)
            from archtool.spec.slips import explain

            flow = (self.flow.line, self.flow.column) if self.flow else None
            raise explain(self.source, error, flow, inside=self.top.flow) from None

    def skip(self, _: Any) -> None:
        """The ends of documents and of the text say nothing."""

    def scalar(self, event: Any) -> None:
        if event.anchor is not None or event.tag is not None:
            self.refuse_properties(event)
        text = event.value
        quoted = bool(event.style)
        if not quoted:
            if text in _NULLS:
                text = ""
                if self.key and self.top.flow and ":" in self.key.text and not self.key.quoted:
                    self.suspect = True
            elif "(" in text and self.top.flow and text.count("(") > text.count(")"):
                self.suspect = True
        mark = event.start_mark
        node = Scalar(text, quoted, mark.line + 1, mark.column + 1)
        self.place(node)
        if not quoted and isinstance(self.top, Sequence) and event.end_mark.line != mark.line:
            self.check_run_on(node)

    def begin_sequence(self, event: Any) -> None:
        mark = event.start_mark
        self.begin(event, Sequence([], event.flow_style, mark.line + 1, mark.column + 1))

    def begin_mapping(self, event: Any) -> None:
        mark = event.start_mark
        self.begin(event, Mapping({}, event.flow_style, mark.line + 1, mark.column + 1))

    def begin(self, event: Any, node: Sequence | Mapping) -> None:
        if event.anchor is not None or event.tag is not None:
            self.refuse_properties(event)
        if len(self.outer) == MAX_DEPTH:
            self.refuse(f"nested more than {MAX_DEPTH} deep", node)
        if node.flow and not self.top.flow:
            self.flow = node
            self.suspect = False
        self.place(node)
        self.outer.append(self.top)
        self.top = node

    def end(self, event: Any) -> None:
        if self.suspect and self.top is self.flow:
            self.refuse_flow_slip(self.source.offset(event.end_mark.line + 1, event.end_mark.column + 1))
            self.suspect = False
        self.top = self.outer.pop()

    def place(self, node: Node) -> None:
        """Put the node where it belongs in the innermost open collection."""
        top = self.top
        if isinstance(top, Sequence):
            top.items.append(node)
        elif self.key is not None:
            top.entries[self.key.text] = (self.key, node)
            self.key = None
        elif isinstance(node, Scalar) and node.text and node.text != "<<" and node.text not in top.entries:
            if "{" in node.text and not node.quoted:
                self.check_key(node)
            self.key = node
        else:
            self.refuse_key(node)

    def refuse_key(self, node: Node) -> NoReturn:
        if not isinstance(node, Scalar):
            self.refuse(f"a key is a word, this is a {'list' if isinstance(node, Sequence) else 'mapping'}", node)
        if not node.text:
            self.refuse("a key cannot be empty or null", node)
        if node.text == "<<":
            self.refuse("merge keys (<<) are refused: write the entries out", node)
        assert isinstance(self.top, Mapping)
        first = self.top.entries[node.text][0]
        lines = f"line {node.line}" if first.line == node.line else f"lines {first.line} and {node.line}"
        self.refuse(f"the key '{node.text}' stands twice, on {lines}", node)

    def check_run_on(self, node: Scalar) -> None:
        """Refuse a bare step that swallowed the next line; prose and expressions may span lines."""
        if self.outer and not self.top.flow:
            from archtool.spec.slips import run_on_slip

            slip = run_on_slip(self.source, node.line)
            if slip:
                raise slip

    def check_key(self, node: Scalar) -> None:
        """Refuse `conv {out: 3}`, of which YAML takes `conv {out` for the key."""
        from archtool.spec.slips import key_slip

        slip = key_slip(self.source, node.line)
        if slip:
            raise slip

    def alias(self, event: Any) -> None:
        self.refuse_event(f"aliases (*{event.anchor}) are refused: write the value out", event)

    def begin_document(self, event: Any) -> None:
        if self.documents.items:
            self.refuse_event("a second document: a spec is one", event)

    def refuse_properties(self, event: Any) -> NoReturn:
        if event.tag is not None:
            reason = "tags (!...) are refused: archtool decides the type of a value by its place"
            self.refuse_event(reason, event)
        self.refuse_event(f"anchors (&{event.anchor}) are refused: write the value out where it is used", event)

    def refuse_event(self, reason: str, event: Any) -> NoReturn:
        self.refuse(reason, Scalar("", False, event.start_mark.line + 1, event.start_mark.column + 1))

    def refuse(self, reason: str, node: Node) -> NoReturn:
        """Raise a SpecError at the node, unless an expression without quotes is the cause of it."""
        if self.suspect and self.top.flow:
            self.refuse_flow_slip(len(self.source.text))
        raise SpecError(reason, Position(self.source.name, node.line, node.column))

    def refuse_flow_slip(self, stop: int) -> None:
        """Raise the error for an expression without quotes in the outermost flow collection, if there is one."""
        from archtool.spec.slips import flow_slip

        assert self.flow is not None
        slip = flow_slip(self.source, self.source.offset(self.flow.line, self.flow.column), stop)
        if slip:
            raise slip


def parser(text: str) -> Any:
    """PyYAML's parser over libyaml (`get_event` gives the next event), or its own, which is twenty times slower."""
    try:
        from yaml._yaml import CParser
    except ImportError:
        from yaml import SafeLoader

        return SafeLoader(text)
    return CParser(text)
