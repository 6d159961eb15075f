"""A design of a result back as a spec: the sweep's own text with other values in its vars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from archtool.analysis.measures import Measures
from archtool.analysis.options import Options
from archtool.design import Design
from archtool.errors import RuleError, SpecError
from archtool.explore.describe import written
from archtool.explore.fronts.results import ResultError
from archtool.explore.tracing import question
from archtool.network import Evaluation
from archtool.spec.domains import KNOB
from archtool.spec.expressions import number
from archtool.spec.reader import Document, Node, Scalar, read_text
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.reader import Sequence as SequenceNode
from archtool.spec.spans import Spans, in_flow
from archtool.spec.values import WORK, Allowance

DROPPED: Final = ("explore", "designs", "expect")  # they are of the original
STATED: Final = ("params", "macs", "activations")  # totals that what is emitted states
HERE: Final = Path()  # where what is emitted goes, and finds what it includes


def emitted(about: Mapping[str, Any], row: Mapping[str, Any], origin: str, path: Path) -> str:
    """The spec of the design in a row of a result that says of itself what `about` is; `origin` tells where it is from.

    Comments and layout are the original's. `explore`, `designs` and `expect` are left out, the chosen design's
    overrides and the vars that were set become the vars. The text has been analysed: it has the row's metrics. Raises
    ResultError where the result does not hold its spec, where the spec has changed its meaning since, and where a file
    that it includes is not found from the working directory.
    """
    if not {"spec", "design", "set", "axes", "metrics", "options"} <= about.keys() or not _is_whole(about):
        raise ResultError(f"{path}: it does not say of which spec it is; Parquet and DuckDB files of a sweep do")
    missing = [knob["name"] for knob in _knobs(about) if knob["name"] not in row]
    if missing:
        raise ResultError(f"{path}: it has no column of the knob '{missing[0]}'")
    spec = about["spec"]
    document = read_text(spec["text"], spec["file"])
    try:
        Design(document, about["design"], about["set"], HERE)
    except SpecError as error:
        folder = Path(spec["file"]).parent
        raise ResultError(f"{path}: its spec can't be read from here; call this in {folder}\n{error}") from None
    text = _Rewritten(document, about, row).text(origin)
    try:
        _check(text, about, row, path)
    except (SpecError, RuleError) as error:
        raise ResultError(f"{path}: design {row.get('design')} can't be written as a spec: {error}") from None
    return text


class _Rewritten:
    """The original with its vars, and what its design overrides, replaced."""

    def __init__(self, document: Document, about: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        self.document = document
        self.spans = Spans(document)
        self.entries = document.root.entries
        self.margin = "" if document.root.flow else " " * (document.root.column - 1)
        self.design: str | None = about["design"]
        self.set: Mapping[str, str] = about["set"]
        self.totals = (
            {name: row[name] for name in STATED if name in about["metrics"]} if _is_plain(about["options"]) else {}
        )
        self.knobs = {knob["name"]: (_cell(row[knob["name"]], knob), knob["among"]) for knob in _knobs(about)}

    def text(self, origin: str) -> str:
        """The spec, a comment above it that says where it is from."""
        overrides = self._overrides()
        dropped = {*DROPPED, *(("inputs",) if "input" in overrides else ("input",) if "inputs" in overrides else ())}
        parts = [f"# {' '.join(origin.split())}\n", self._preamble()]
        for name, section in self._sections().items():
            if name == "vars":
                parts.append(self._vars(section, overrides.get("vars")))
            elif name in overrides:
                parts.append(self._moved(name, overrides[name]))
            elif name not in dropped:
                parts.append(section)
        parts += [self._moved(name, node) for name, node in overrides.items() if name not in {*self.entries, *DROPPED}]
        if self.totals:
            totals = ", ".join(f"{name}: {total}" for name, total in self.totals.items())
            parts.append(f"{self.margin}expect: {{{totals}}}\n")
        return "".join(part if part.endswith("\n") else part + "\n" for part in parts if part)

    # --- sections -----------------------------------------------------------------------------------------------

    def _sections(self) -> dict[str, str]:
        """The text of each key with its value, in order, with the comments above it."""
        keys = [key for key, _ in self.entries.values()]
        if self.document.root.flow:  # all on one line, say: written out, a key a line
            return {key.text: f"{key.text}: {self.spans.text(node)}\n" for key, node in self.entries.values()}
        starts = [self._above(key) for key in keys]
        return {
            key.text: self.document.text[start:end]
            for key, start, end in zip(keys, starts, [*starts[1:], self._end()], strict=True)
        }

    def _end(self) -> int:
        """Where the text ends, or the document before a marker of its end."""
        last = self.spans.of(self.document.root)[1]
        marker = re.compile(r"^\.\.\.", re.MULTILINE).search(self.document.text, last)
        return marker.start() if marker else len(self.document.text)

    def _above(self, key: Scalar) -> int:
        """Where the line of a key begins, or the comments above it: those behind the value before it."""
        source = self.document.source
        start = source.offset(key.line, 1)
        before = [self.spans.of(node)[1] for other, node in self.entries.values() if other.line < key.line]
        line = key.line - 1
        while before and line >= 1 and source.offset(line, 1) >= max(before):
            text = source.raw_line(line).strip()
            if text.startswith("#"):
                start = source.offset(line, 1)
            elif text:
                break
            line -= 1
        return start

    def _preamble(self) -> str:
        """What stands above the first key; a marker of the document's start would have to stand on the first line."""
        above = self.document.text[: self.document.source.offset(self.document.root.line, 1)]
        return "".join(
            line for line in above.splitlines(keepends=True) if line.lstrip().startswith("#") or not line.strip()
        )

    def _overrides(self) -> dict[str, Node]:
        """What the chosen design has in place of the original's: a list is its layers."""
        if self.design is None:
            return {}
        designs = self.entries["designs"][1]
        assert isinstance(designs, MappingNode)
        node = designs.entries[self.design][1]
        if isinstance(node, SequenceNode):
            return {"layers": node}
        return {name: value for name, (_, value) in node.entries.items()} if isinstance(node, MappingNode) else {}

    def _moved(self, name: str, node: Node) -> str:
        """A key with a value from elsewhere in the text; what is written in blocks keeps its indentation."""
        start, end = self.spans.of(node)
        if isinstance(node, Scalar) or node.flow:
            return f"{self.margin}{name}: {in_flow(node)}\n"
        return f"{self.margin}{name}:\n{' ' * (node.column - 1)}{self.document.text[start:end]}\n"

    # --- vars ---------------------------------------------------------------------------------------------------

    def _vars(self, section: str, override: Node | None) -> str:
        """The section `vars` with other values in the same places."""
        offset = self._above(self.entries["vars"][0])
        base = self.entries["vars"][1]
        over = override.entries if isinstance(override, MappingNode) else {}
        if not isinstance(base, MappingNode):
            return section
        if self.document.root.flow:
            offset = self.spans.start(base) - len("vars: ")
        edits: list[tuple[int, int, str]] = []
        for name, (_, node) in base.entries.items():
            edits += self._edits(name, node, over[name][1] if name in over else None)
        for start, end, text in sorted(edits, reverse=True):
            section = section[: start - offset] + text + section[end - offset :]
        return section

    def _edits(self, name: str, node: Node, override: Node | None) -> list[tuple[int, int, str]]:
        """What changes where the value of a var stands: it, or items of it."""
        items = {
            tuple(map(int, found[2][1:-1].split("]["))): (text, among)
            for knob, (text, among) in self.knobs.items()
            if (found := KNOB.fullmatch(knob)) and found[1] == name and found[2]
        }
        whole = self.knobs[name][0] if name in self.knobs else self.set.get(name)
        if whole is None and override is not None:
            whole = in_flow(override)
        if not items:
            return [] if whole is None else [self._edit(node, _flow(whole))]
        if all(among is not None for _, among in items.values()):
            return [self._edit(node, f"[{', '.join(items[at,][0] for at in range(len(items)))}]")]
        value = node if whole is None else read_text(f"value: {_flow(whole)}", name).root.entries["value"][1]
        places = {path: _item(value, path) for path in items}
        if any(place is None for place in places.values()):  # the list is computed: then its items are written out
            value = read_text(f"value: {self._computed(name)}", name).root.entries["value"][1]
            return [self._edit(node, _with_items(value, items))]
        if value is node:
            return [self._edit(place, items[path][0]) for path, place in places.items() if place is not None]
        return [self._edit(node, _with_items(value, items))]

    def _edit(self, node: Node, text: str) -> tuple[int, int, str]:
        start, end = self.spans.of(node)
        if not isinstance(node, Scalar) and not node.flow:
            text = "  " + text  # a list in a block may stand below its key's first letter, what replaces it may not
        if start == end:
            text = " " + text  # nothing at all stands right behind its colon
        return start, end, text

    def _computed(self, name: str) -> str:
        """The value of a var where only whole vars are given."""
        whole = {knob: text for knob, (text, _) in self.knobs.items() if "[" not in knob}
        design = Design(self.document, self.design, {**self.set, **whole}, HERE)
        return written(Evaluation().vars(design.block, {})[name])


def _is_plain(options: Mapping[str, Any]) -> bool:
    """Whether costs are counted as a spec states them: for one input, all of them."""
    usual = Options().to_dict()
    return all(options[name] == usual[name] for name in ("batch", "acts", "exact_padding"))


def _is_whole(about: Mapping[str, Any]) -> bool:
    """Whether a spec and knobs are there with all their parts."""
    parts = [(about["spec"], {"text", "file"}), *((knob, {"name", "values", "among"}) for knob in _knobs(about))]
    return all(names <= part.keys() for part, names in parts)


def _knobs(about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [knob for axis in about["axes"] for knob in axis]


def _cell(value: Any, knob: Mapping[str, Any]) -> str:
    """A cell of a knob's column as a spec has it: what it was written as, where it is a rounded number."""
    if isinstance(value, float):
        for text in knob["values"]:
            if not isinstance(knob["values"], str) and float(Fraction(text)) == value:
                return str(text)
        return written(Fraction(str(value)))
    return value if isinstance(value, str) else written(value)


def _flow(text: str) -> str:
    """A value as on the command line, as it can stand anywhere: an expression with brackets or commas in quotes."""
    if number(text) is not None:
        return text.strip()
    return in_flow(read_text("value: " + text, "").root.entries["value"][1])


def _item(node: Node, path: Sequence[int]) -> Node | None:
    for at in path:
        if not isinstance(node, SequenceNode) or at >= len(node.items):
            return None
        node = node.items[at]
    return node


def _with_items(node: Node, items: Mapping[tuple[int, ...], tuple[str, int | None]]) -> str:
    """A list with other items, written on one line."""
    if () in items:
        return items[()][0]
    if not items or not isinstance(node, SequenceNode):
        return in_flow(node)
    parts = []
    for at, item in enumerate(node.items):
        parts.append(_with_items(item, {path[1:]: text for path, text in items.items() if path[0] == at}))
    return f"[{', '.join(parts)}]"


# --- whether it holds -------------------------------------------------------------------------------------------


def _check(text: str, about: Mapping[str, Any], row: Mapping[str, Any], path: Path) -> None:
    """Analyse what is to be emitted: the metrics must be the row's."""
    design = Design(read_text(text, "<emitted>"), None, {}, HERE)
    for name in about["metrics"]:
        found = _metric(name, design, about["options"])
        if found is not None and name in row and found != row[name] and float(found) != row[name]:
            was, now = (f"{value:,}" if isinstance(value, int) else str(value) for value in (row[name], found))
            raise ResultError(
                f"{path}: design {row.get('design')} had {name} {was}, its spec now has {now}: what it includes, or"
                " archtool, has changed since the sweep"
            )


def _metric(text: str, design: Design, options: Mapping[str, Any]) -> Any:
    """A metric, or an expression over metrics and vars; None where it is neither, or a convention that is not at hand
    prices it."""
    try:
        asked = question(text, tuple(design.spec.block.arguments))
    except SpecError:  # a function of the user's
        return None
    if options["convention"] is not None and "flops" in asked.expression.uses:
        return None
    measures = Measures(design.run, Options(**{**options, "convention": None}), design.spec.functional)
    environment = Evaluation().vars(design.block, {})
    environment |= {name: measures.of(name) for name in asked.metrics}
    return asked.expression.evaluate({**environment, WORK: Allowance(100_000)})
