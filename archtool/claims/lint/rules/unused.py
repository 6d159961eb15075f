"""U: what a spec has and never uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from archtool.claims.lint.rule import Hit, spec_rule
from archtool.claims.lint.sheet import Sheet, texts
from archtool.spec.expressions import Expression
from archtool.spec.reader import Mapping, Node
from archtool.spec.steps import Block, Body, Branch, Call, Fields, Group, Loop, Merge, Step

NAME: Final = re.compile(r"[A-Za-z_]\w*")
LATER: Final = ("claims", "given", "explore")  # what speaks of a spec's names in expressions of its own


def _steps(body: Body) -> Iterator[Step]:
    """All steps of a body, and of the bodies in it."""
    waiting: list[Step] = list(body.steps)
    while waiting:
        step = waiting.pop()
        yield step
        if isinstance(step, Merge):
            waiting += [inner for path in step.paths for inner in path.body.steps]
        elif isinstance(step, Branch):
            waiting += [*step.yes.steps, *step.no.steps]
        elif isinstance(step, Loop | Group):
            waiting += step.body.steps


def _uses(body: Body) -> set[str]:
    """The names that a body's expressions read."""
    found: set[str] = set()
    for step in _steps(body):
        beside = step.beside
        read: list[Expression | None] = [beside.at, beside.repeat, *_values(beside.first)]
        if isinstance(step, Call):
            read += [*_values(step.fields), step.target if isinstance(step.target, Expression) else None]
        elif isinstance(step, Merge):
            read += [value for path in step.paths for value in (path.when, path.values)]
        elif isinstance(step, Loop):
            read.append(step.over)
        elif isinstance(step, Branch):
            read.append(step.condition)
        found.update(*(each.uses for each in read if each is not None))
    return found


def _values(fields: Fields | None) -> tuple[Expression, ...]:
    return fields.values if fields is not None else ()


def _read_in(block: Block) -> set[str]:
    """The names that a block's body and its arguments' defaults read."""
    defaults = [value.uses for value in block.arguments.values() if value is not None]
    return _uses(block.body).union(*defaults)


@spec_rule(
    "U601",
    "unused-var",
    "warning",
    about="A var that nothing reads: setting it, in a design or with --set, changes nothing.",
    advice="take it out, or use it where its value is written out",
    source="docs/language.md, vars",
)
def unused_var(sheet: Sheet) -> Iterator[Hit]:
    """A var that no body, other var, input, claim or exploration of any design reads."""
    used: set[str] = set()
    for spec in sheet.specs:
        used |= _read_in(spec.block)
        for _, form in spec.inputs.values():
            used |= form.uses if isinstance(form, Expression) else set().union(*(each.uses for each in form.values()))
    for name in LATER:
        if name in sheet.document.root.entries:
            used |= _words(sheet.document.root.entries[name][1], "over")
    for name, (key, _) in sheet.entries("vars").items():
        if name not in used:
            yield Hit(key, f"nothing reads the var '{name}'")


def _words(node: Node, without: str = "") -> set[str]:
    """The names in the texts of a part of a document, but for what stands below the key `without`."""
    if isinstance(node, Mapping) and without in node.entries:
        parts = [value for name, (_, value) in node.entries.items() if name != without]
        return set().union(*map(_words, parts))
    return {word for text in texts(node) for word in NAME.findall(text)}


@spec_rule(
    "U602",
    "unused-block",
    "warning",
    about="A block, or an included spec, that no design uses.",
    advice="take it out, or use it",
    source="docs/language.md, blocks",
)
def unused_block(sheet: Sheet) -> Iterator[Hit]:
    """A block whose name stands nowhere but in itself, or in blocks that are unused too."""
    root = sheet.document.root.entries
    defined = {name: entry for part in ("blocks", "include") for name, entry in sheet.entries(part).items()}
    words = {name: _words(node) for name, (_, node) in sheet.entries("blocks").items()}
    used: set[str] = set()
    waiting = [_words(node) for key, (_, node) in root.items() if key not in ("blocks", "include", "about")]
    while waiting:
        for name in waiting.pop() & (defined.keys() - used):
            used.add(name)
            waiting.append(words.get(name, set()))
    for name, (key, _) in defined.items():
        if name not in used:
            yield Hit(key, f"no design uses '{name}'")


@spec_rule(
    "U603",
    "unused-argument",
    "warning",
    about="An argument of a block that its body does not read: giving it changes nothing.",
    advice="take it out of the block and of the steps that give it, or read it",
    source="docs/language.md, blocks",
)
def unused_argument(sheet: Sheet) -> Iterator[Hit]:
    """An argument that neither the body nor another argument's default reads; but for those that a step gives whose
    block is a value, chosen among several that take the same."""
    own = sheet.entries("blocks")
    bodies = [block.body for spec in sheet.specs for block in (spec.block, *spec.blocks.values())]
    chosen = [step for body in bodies for step in _steps(body) if isinstance(step, Call)]
    shared = {name for step in chosen if isinstance(step.target, Expression) for name in step.fields.names}
    met: set[str] = set()
    for spec in sheet.specs:
        for block in spec.blocks.values():
            if block.name not in own or block.name in met or block.document is not sheet.document:
                continue
            met.add(block.name)
            node = own[block.name][1]
            args = node.entries["args"][1] if isinstance(node, Mapping) and "args" in node.entries else None
            read = _read_in(block) | shared
            for name, (key, _) in args.entries.items() if isinstance(args, Mapping) else ():
                if name not in read:
                    yield Hit(key, f"the block '{block.name}' never reads its argument '{name}'")
