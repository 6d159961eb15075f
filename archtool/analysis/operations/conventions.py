"""Conventions by name or file: read from YAML when asked for, every mistake located."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

from archtool.analysis.operations.convention import SCOPES, UNITS, Convention, Fault, Number, plain
from archtool.analysis.operations.measures import MEASURES
from archtool.cost import TERMS
from archtool.errors import SpecError, nearest
from archtool.layer import find, kinds
from archtool.spec.reader import Document, Node, Scalar, Sequence, read_file
from archtool.spec.reader import Mapping as MappingNode

KEYS: Final = ("about", "unit", "source", "version", "weights", "functional", "faults", "limits")
FAULT_KEYS: Final = ("name", "about", "excess", "scope")
_FOLDER: Final = Path(__file__).resolve().parents[2] / "conventions"
_NUMBER: Final = re.compile(r"[+-]?\d{1,18}(\.\d{1,18}|/0*[1-9]\d{0,17})?")


def names() -> tuple[str, ...]:
    """The names of the shipped conventions.

    >>> names()[:2]
    ('archtool', 'calflops')
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def convention(source: str | os.PathLike[str] | Convention) -> Convention:
    """A convention: a shipped one's name, or a YAML file's path; raises SpecError for what is neither, or wrong.

    >>> convention("torch").weights["linear.macs"]
    2
    """
    if isinstance(source, Convention):
        return source
    text = os.fspath(source)
    if text in names():
        return _shipped(text)
    path = Path(text)
    if path.suffix not in (".yaml", ".yml") and len(path.parts) <= 1:
        raise SpecError(f"'{text}' is neither a convention nor a YAML file" + nearest(text, names()))
    return _Reader(read_file(path)).convention(path.stem)


@cache
def _shipped(name: str) -> Convention:
    return _Reader(read_file(_FOLDER / f"{name}.yaml")).convention(name)


def shipped_conventions() -> Iterator[Convention]:
    """All shipped conventions."""
    return map(_shipped, names())


class _Reader:
    """Reads one document."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def convention(self, name: str) -> Convention:
        root = self.document.root
        entries = self.entries(root, "a convention", KEYS)
        for key in ("about", "unit", "weights"):
            if key not in entries:
                raise self.error(root, f"a convention needs '{key}'")
        unit = self.text(entries["unit"])
        if unit not in UNITS:
            raise self.error(entries["unit"], f"'{unit}' is no unit; it is {', '.join(UNITS[:-1])} or {UNITS[-1]}")
        return Convention(
            name=name,
            about=self.text(entries["about"]),
            unit=unit,
            source=self.text(entries["source"]) if "source" in entries else "",
            version=self.text(entries["version"]) if "version" in entries else "",
            weights=self.weights(entries["weights"]),
            functional=self.weights(entries["functional"]) if "functional" in entries else None,
            faults=tuple(map(self.fault, self.items(entries, "faults"))),
            limits=tuple(map(self.text, self.items(entries, "limits"))),
        )

    def fault(self, node: Node) -> Fault:
        entries = self.entries(node, "a fault", FAULT_KEYS)
        for key in ("name", "about", "excess"):
            if key not in entries:
                raise self.error(node, f"a fault needs '{key}'")
        scope = self.text(entries["scope"]) if "scope" in entries else SCOPES[0]
        if scope not in SCOPES:
            raise self.error(entries["scope"], f"'{scope}' is no scope" + nearest(scope, SCOPES))
        name, about = self.text(entries["name"]), self.text(entries["about"])
        return Fault(name=name, about=about, excess=self.weights(entries["excess"]), scope=scope)

    def weights(self, node: Node) -> Mapping[str, Number]:
        if isinstance(node, Scalar) and not node.text and not node.quoted:
            return {}
        if not isinstance(node, MappingNode):
            raise self.error(node, "weights are a mapping from terms to numbers, like {conv.macs: 2}")
        return {term: self.weight(term, key, value) for term, (key, value) in node.entries.items()}

    def weight(self, term: str, key: Node, value: Node) -> Number:
        self.check_term(term, key)
        if not isinstance(value, Scalar) or value.quoted or not _NUMBER.fullmatch(value.text):
            shown = f"'{value.text}'" if isinstance(value, Scalar) else "this"
            raise self.error(value, f"{term}: {shown} is not a number like 2, 0.5 or 1/3")
        return plain(Fraction(value.text))

    def check_term(self, term: str, key: Node) -> None:
        if term in TERMS:
            return
        kind, _, measure = term.rpartition(".")
        if kind not in kinds() or measure not in MEASURES:
            near = [f"{kind}.{each}" for each in MEASURES if kind in kinds()]
            near += [f"{each}.{measure}" for each in kinds() if measure in MEASURES]
            reason = f"'{term}' is neither a cost term nor a measure of a layer kind"
            raise self.error(key, reason + nearest(term, [*TERMS, *near], near or TERMS))
        if not MEASURES[measure].fits(find(kind)):
            needs = " and ".join(f"'{name}'" for name in MEASURES[measure].needs)
            raise self.error(key, f"{term}: '{measure}' is of layers with {needs}, which '{kind}' has not")

    def entries(self, node: Node, what: str, known: Iterable[str]) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            raise self.error(node, f"{what} is a mapping with the keys {', '.join(known)}")
        for name, (key, _) in node.entries.items():
            if name not in known:
                raise self.error(key, f"{what} has no key '{name}'" + nearest(name, known))
        return {name: value for name, (_, value) in node.entries.items()}

    def items(self, entries: Mapping[str, Node], name: str) -> list[Node]:
        node = entries.get(name)
        if node is None:
            return []
        if not isinstance(node, Sequence):
            raise self.error(node, f"'{name}' is a list")
        return node.items

    def text(self, node: Node) -> str:
        if not isinstance(node, Scalar) or not node.text.strip():
            raise self.error(node, "this must be a text")
        return node.text.strip()

    def error(self, node: Node, reason: str) -> SpecError:
        return SpecError(reason, self.document.at(node))
