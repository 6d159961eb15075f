"""The form of `lint`: which rules of the linter a spec asks for, and which it does without."""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.errors import SpecError, nearest
from archtool.spec.reader import Document, Mapping, Node, Scalar, Sequence

LINT: Final = ("select", "ignore")


class LintForm(NamedTuple):
    """Rules as written, by code, by the beginning of a code or by name: those looked for (none: all), and those not."""

    select: tuple[Scalar, ...] = ()
    ignore: tuple[Scalar, ...] = ()


def lint_form(document: Document, node: Node) -> LintForm:
    """`lint: {select: [...], ignore: [...]}`; raises SpecError for another form."""
    if not isinstance(node, Mapping):
        raise SpecError("'lint' must be a mapping, like {ignore: [C101]}", document.at(node))
    found: dict[str, tuple[Scalar, ...]] = {}
    for name, (key, value) in node.entries.items():
        if name not in LINT:
            raise SpecError(f"'lint' has no '{name}'" + nearest(name, LINT), document.at(key))
        if not isinstance(value, Sequence):
            raise SpecError(f"'{name}' is a list of rules, like [C101, W]", document.at(value))
        for item in value.items:
            if not isinstance(item, Scalar) or not item.text:
                raise SpecError("this is no rule's code or name", document.at(item))
        found[name] = tuple(item for item in value.items if isinstance(item, Scalar))
    return LintForm(**found)
