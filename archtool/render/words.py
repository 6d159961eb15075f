"""A layer in a few words: `conv 3x3 /2, 64`. Read off its fields, whatever the kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from fractions import Fraction
from typing import Any, Final

from archtool.axes import spread
from archtool.fields import FlagKind, PaddingKind, PerAxisKind, describe
from archtool.layer import Layer
from archtool.runs import LayerRun
from archtool.shape import Shape

WINDOW: Final = {"kernel": "{}", "stride": "/{}"}  # said next to the kind, without their names


def short(run: LayerRun) -> str:
    """The kind and the fields that matter: those not at their defaults, but for flags and padding, which the shapes
    beside it show."""
    layer = run.layer
    rank = len(run.inputs[0].spatial)
    kinds = type(layer).field_kinds()
    required = type(layer).required()
    said = {}
    for name, value in chosen(layer):
        if name in required and isinstance(kinds[name], PerAxisKind):
            said[name] = "x".join(map(_plain, spread(value, rank, name)))
        elif name in required or not isinstance(kinds[name], FlagKind | PaddingKind):
            said[name] = _plain(value)
    window = [form.format(said[name]) for name, form in WINDOW.items() if name in said]
    channels = [said["out"]] if "out" in said else []
    others = [f"{name} {text}" for name, text in said.items() if name not in WINDOW and name != "out"]
    return ", ".join([" ".join([run.kind, *window]), *channels, *others])


def full(run: LayerRun) -> str:
    """The kind and every field that is not at its default, by name."""
    return ", ".join([run.layer.kind, *(f"{name} {_plain(value)}" for name, value in chosen(run.layer))])


def chosen(layer: Layer) -> Iterator[tuple[str, Any]]:
    """The fields that are not at their defaults."""
    for field in fields(layer):  # type: ignore[arg-type]  # every kind is a dataclass, its base is not
        value = getattr(layer, field.name)
        if field.default is MISSING or value != field.default:
            yield field.name.removesuffix("_"), value


def family(layer: Layer) -> str:
    """The family of a layer: the file that declares its kind."""
    return type(layer).__module__.rpartition(".")[2]


def _plain(value: Any) -> str:
    if isinstance(value, Shape):  # of another tensor
        return str(value)
    if isinstance(value, tuple):
        return "x".join(map(_plain, value)) if not any(isinstance(item, tuple) for item in value) else describe(value)
    if isinstance(value, Fraction | float):
        return f"{float(value):g}"
    return value if isinstance(value, str) else describe(value)
