"""Safe fixes of a spec's text: edits at their places, everything else byte for byte as it was.

A fixed spec is read again and held against the old one before anything is written: each design has the same layers of
the same shapes, and pays what it paid less what the fix saves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final, NamedTuple

from archtool.claims.lint.rule import Edit, Fix
from archtool.design import Design
from archtool.errors import ArchtoolError, SpecError
from archtool.layer import kinds
from archtool.runs import LayerRun, Run
from archtool.spec.reader import Document, Mapping, Node, Scalar, read_text
from archtool.spec.slips import bracketed

if TYPE_CHECKING:
    from archtool.claims.lint.engine import Asked, Found

BIAS: Final = "bias"
MARK: Final = "\ufeff".encode()


def without_bias(document: Document, node: Node) -> Fix | None:
    """`bias: false` for the step at a node; None where the step's fields are not written there as plain values."""
    fields = _own_fields(node)
    if fields is None:
        return None
    text = document.text
    does = "writes `bias: false`"
    if BIAS in fields.entries:
        value = fields.entries[BIAS][1]
        if not isinstance(value, Scalar) or value.quoted or value.text != "true":
            return None
        start = document.source.offset(value.line, value.column)
        return Fix(does, Edit(start, start + len("true"), "false")) if text.startswith("true", start) else None
    start = document.source.offset(fields.line, fields.column)
    if not fields.flow:
        indent = document.source.raw_line(fields.line)[: fields.column - 1]
        if indent.strip(" "):
            return None
        end = "\r\n" if "\r\n" in text else "\n"
        return Fix(does, Edit(start, start, f"{BIAS}: false{end}{indent}"))
    group, unmatched = bracketed(text, start)
    if unmatched is not None or text[start] != "{":
        return None
    if "#" in text[start : group.end]:  # a comment would swallow what is written behind it
        space = "" if text[start + 1].isspace() else " "
        return Fix(does, Edit(start + 1, start + 1, f"{BIAS}: false,{space}"))
    behind = len(text[: group.end].rstrip())
    comma = "" if text[behind - 1] == "," else ","
    return Fix(does, Edit(behind, behind, f"{comma} {BIAS}: false"))


def _own_fields(node: Node) -> Mapping | None:
    """The fields of a step that names a layer kind; None for a bare word, a block, or fields that differ by turn."""
    if not isinstance(node, Mapping) or "first" in node.entries:
        return None
    found = [value for key, value in node.entries.values() if key.text in kinds()]
    return found[0] if len(found) == 1 and isinstance(found[0], Mapping) and found[0].entries else None


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with these edits, which don't overlap.

    >>> edited("a b c", [Edit(4, 5, "d"), Edit(1, 1, "!")])
    'a! b d'
    """
    for start, end, written in sorted(edits, reverse=True):
        text = text[:start] + written + text[end:]
    return text


def why_not(document: Document) -> str:
    """Why the parameters of a spec can't be changed without changing what it states; empty where they can."""
    root = document.root.entries
    if "claims" in root:
        return "the spec's claims may speak of its parameters"
    stated = [value for value in _expectations(document) if "params" in value.entries]
    return "the spec states its parameters (`expect`)" if stated else ""


def _expectations(document: Document) -> list[Mapping]:
    root = document.root.entries
    designs = root["designs"][1] if "designs" in root else None
    bodies = [document.root]
    if isinstance(designs, Mapping):
        bodies += [value for _, value in designs.entries.values() if isinstance(value, Mapping)]
    found = [body.entries["expect"][1] for body in bodies if "expect" in body.entries]
    return [each for each in found if isinstance(each, Mapping)]


def _safe(
    document: Document, fixes: list[Fix], designs: tuple[str | None, ...], folder: Path | None
) -> tuple[list[Fix], list[str]]:
    """Those of the fixes after which the spec is read and is otherwise the same, and what is to be said of the others.

    All are tried together; where that fails, one after the other.
    """
    if not _objection(document, fixes, designs, folder):
        return fixes, []
    safe: list[Fix] = []
    told = []
    for fix in fixes:
        why = _objection(document, [*safe, fix], designs, folder)
        if why:
            told.append(f"{document.source.position(fix.edit.start)}: not fixed, since it would change more: {why}")
        else:
            safe.append(fix)
    return safe, told


def _objection(document: Document, fixes: list[Fix], designs: tuple[str | None, ...], folder: Path | None) -> str:
    """Why a spec with these fixes is not otherwise the same; empty where it is."""
    try:
        again = read_text(edited(document.text, [fix.edit for fix in fixes]), document.name)
        for name in designs:
            _hold_against(Design(document, name, folder=folder), Design(again, name, folder=folder))
    except ArchtoolError as error:
        return str(error)
    return ""


def _hold_against(before: Design, after: Design) -> None:
    if before.inputs != after.inputs or not _alike(before.run, after.run, set()):
        raise SpecError("other layers, shapes or work")


def _alike(old: Run, new: Run, met: set[tuple[int, int]]) -> bool:
    """Whether two runs have the same layers of the same kinds between the same shapes, and do the same products."""
    if isinstance(old, LayerRun) or isinstance(new, LayerRun):
        return isinstance(old, LayerRun) and isinstance(new, LayerRun) and _told(old) == _told(new)
    if (id(old), id(new)) in met:
        return True
    met.add((id(old), id(new)))
    return len(old.entries) == len(new.entries) and all(
        (a.name, a.sources, a.target, a.turns, a.shares) == (b.name, b.sources, b.target, b.turns, b.shares)
        and _alike(a.run, b.run, met)
        for a, b in zip(old.entries, new.entries, strict=True)
    )


def _told(run: LayerRun) -> tuple[object, ...]:
    return run.layer.kind, run.inputs, run.output, run.cost.macs


class Fixed(NamedTuple):
    """What is told of the fixes of a file, a line each; whether it was written."""

    told: list[str]
    is_written: bool


def fix_file(spec: Asked, found: list[Found]) -> Fixed:
    """Write a spec's safe fixes into its file, or tell why not; raises SpecError where it can't be written."""
    document, file = spec.document, spec.file
    own = [each.fix for each in found if each.fix is not None and each.diagnostic.file == document.name]
    if not own:
        return Fixed([], False)
    refused = "it is no file" if file is None else why_not(document)
    if file is None or refused:
        return Fixed([f"{document.name}: {len(own)} of the findings could be fixed, but {refused}"], False)
    safe, told = _safe(document, own, spec.all, spec.folder)
    if safe:
        write(file, edited(document.text, [fix.edit for fix in safe]), has_mark=file.read_bytes()[:3] == MARK)
    told += [f"{document.source.position(fix.edit.start)}: fixed: {fix.does}" for fix in safe]
    return Fixed(told, bool(safe))


def write(path: Path, text: str, has_mark: bool) -> None:
    """Write a spec's text in place of what the file held, whole or not at all; raises SpecError.

    `has_mark`: the file began with a byte order mark, which stays.
    """
    data = ("\ufeff" if has_mark else "").encode() + text.encode()
    target = path.resolve()
    temporary = None
    try:
        mode = target.stat().st_mode
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise SpecError(f"{path}: can't write the fixed spec: {error.strerror or error}") from None
