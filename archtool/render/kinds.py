"""The catalogue of layer kinds as text, and as the page of the docs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from archtool.analysis.kinds import ExampleEntry, KindEntry
from archtool.render.columns import aligned
from archtool.units import si


def listing(entries: Iterable[KindEntry]) -> str:
    """One line a kind, family by family."""
    rows = [("kind", "family", "fields")]
    rows += [(entry.kind, entry.family, _fields(entry)) for entry in entries]
    return aligned(rows)


def described(entry: KindEntry) -> str:
    """One kind in full: what it is, its fields, its examples worked out."""
    parts = [f"{entry.kind}: {entry.about}\n"]
    if entry.is_join:
        parts.append("  paths, by their labels: {left: [steps], right: [steps]}; or tensors, by `at: [a, b]`\n")
    if entry.fields:
        cells = [(f"  {each.name}", each.default or "must be given", each.allowed) for each in entry.fields]
        parts.append(aligned([("  field", "default", "what it may be"), *cells]))
    examples = [
        (f"  {each.step}", f"{each.input} -> {each.output}", si(each.params), si(each.macs), _seen(each))
        for each in entry.examples
    ]
    parts.append(aligned([("  example", "shapes", "params", "MACs", "field"), *examples], numbers=(2, 3)))
    return "\n".join(parts)


def page(entries: Iterable[KindEntry]) -> str:
    """The catalogue as Markdown: a section a family, a table of its kinds, each with an example worked out."""
    return "\n".join(_sections(entries))


def _sections(entries: Iterable[KindEntry]) -> Iterator[str]:
    for family, group in groupby(entries, key=lambda entry: entry.family):
        members = list(group)
        yield f"### {family.replace('_', ' ')}\n"
        yield "| kind | fields | |\n|---|---|---|"
        for entry in members:
            yield f"| `{entry.kind}` | {_fields(entry)} | {_cell(entry.about)} |"
        telling = [entry.examples[0] for entry in members if _tells(entry.examples[0])]
        if telling:
            yield "\n| for example | input | output | params | MACs | field |\n|---|---|---|---:|---:|---|"
        for example in telling:
            sizes = f"{example.input} | {example.output} | {example.params:,} | {example.macs:,}"
            yield f"| `{_cell(example.step)}` | {sizes} | {_seen(example)} |"
        yield ""


def _tells(example: ExampleEntry) -> bool:
    """Whether an example shows anything: not one of a kind that costs and changes nothing."""
    return example.output != example.input or bool(example.params or example.receptive_field)


def _fields(entry: KindEntry) -> str:
    return "paths" if entry.is_join else " ".join(each.name + "?" * (each.default is not None) for each in entry.fields)


def _seen(example: ExampleEntry) -> str:
    """What one position sees: `3x3`, `all`, or nothing but itself."""
    field = example.receptive_field
    if field is None:
        return "itself"
    if not field.is_local:
        return "all"
    size = "x".join(map(str, field.size)) or "itself"
    return f"{size} + all" if field.is_global else size


def _cell(text: str) -> str:
    return text.replace("|", "&#124;")
