"""The catalogue of layer kinds: what each is, its fields, and its examples worked out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from fractions import Fraction
from typing import Any

from archtool.analysis.numbers import whole
from archtool.analysis.report import ReceptiveField, receptive_field
from archtool.errors import RuleError, nearest
from archtool.fields import TensorKind, describe
from archtool.layer import Example, Join, Layer, find, kinds
from archtool.runs import join_run, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldEntry:
    """A field of a kind: what it accepts, and its default as a spec would write it (None: it must be given)."""

    name: str
    allowed: str
    default: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExampleEntry:
    """One use of a kind, as a step of a spec, with what it makes of its input; `source` is that of its cost."""

    step: str
    input: Shape
    output: Shape
    params: int
    macs: int
    receptive_field: ReceptiveField | None
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KindEntry:
    """A layer kind; `family` is the file that declares it."""

    kind: str
    family: str
    about: str
    is_join: bool
    fields: tuple[FieldEntry, ...]
    examples: tuple[ExampleEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """The entry for JSON, without the worked examples' numbers."""
        return {
            "kind": self.kind,
            "family": self.family,
            "about": self.about,
            "is_join": self.is_join,
            "fields": [{"name": each.name, "allowed": each.allowed, "default": each.default} for each in self.fields],
            "examples": [example.step for example in self.examples],
        }


def catalogue() -> Iterator[KindEntry]:
    """Every layer kind, family by family."""
    for name, module in sorted(kinds().items(), key=lambda item: (item[1], item[0])):
        yield _entry(find(name), module.rpartition(".")[2])


def entry_of(kind: str) -> KindEntry:
    """One kind; raises RuleError where there is none of that name."""
    if kind not in kinds():
        raise RuleError(f"unknown layer kind '{kind}'" + nearest(kind, list(kinds())))
    return _entry(find(kind), kinds()[kind].rpartition(".")[2])


def _entry(cls: type[Layer], family: str) -> KindEntry:
    return KindEntry(
        kind=cls.kind,
        family=family,
        about=" ".join((cls.__doc__ or "").split()),
        is_join=cls.is_join,
        fields=tuple(
            FieldEntry(
                name=(name := item.name.removesuffix("_")),
                allowed=cls.field_kinds()[name].allowed,
                default=None if item.default is MISSING else _written(item.default),
            )
            for item in fields(cls)  # type: ignore[arg-type]  # a layer kind is a dataclass
        ),
        examples=tuple(_worked(cls, example) for example in cls.examples),
    )


def _worked(cls: type[Layer], example: Example) -> ExampleEntry:
    values = {
        name: value if isinstance(value, str | Shape) else python_value(value) for name, value in example.fields.items()
    }
    layer = cls.read(values)
    run = join_run(layer, (example.input,) * 2) if isinstance(layer, Join) else layer_run(layer, example.input)
    return ExampleEntry(
        step=_step(cls, example),
        input=example.input,
        output=run.output,
        params=whole(run.cost.params),
        macs=whole(run.cost.macs),
        receptive_field=receptive_field((run.field,)) if run.field.axes or run.field.is_global else None,
        source=example.source,
    )


def _step(cls: type[Layer], example: Example) -> str:
    if cls.is_join:
        return f"{cls.kind}: {{left: [...], right: [...]}}"
    given = [
        f"{name}: {'other' if isinstance(cls.field_kinds()[name], TensorKind) else _written(value)}"
        for name, value in example.fields.items()
    ]
    return f"{cls.kind}: {{{', '.join(given)}}}" if given else cls.kind


def _written(value: object) -> str:
    """A value as a spec writes it."""
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return value
    return repr(float(value)) if isinstance(value, float | Fraction) else describe(value)
