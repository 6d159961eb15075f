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

# Fields that people say without their names; those of the window stand next to the kind.
WINDOW: Final = {"kernel": "{}", "stride": "/{}"}
UNNAMED: Final = {**WINDOW, "out": "{}"}


def short(run: LayerRun) -> str:
    """The kind and the fields that matter: those not at their defaults, but for flags and padding, which the shapes
    beside it show."""
    layer = run.layer
    rank = len(run.inputs[0].spatial)
    kinds = type(layer).field_kinds()
    required = type(layer).required()
    window, others = [run.kind], []
    said = [
        (name, _by_axis(value, rank if name in required else 1) if isinstance(kinds[name], PerAxisKind) else _plain(value))
        for name, value in chosen(layer)
        if name in required or not isinstance(kinds[name], FlagKind | PaddingKind)
    ]
    for name, text in sorted(said, key=_place):
        form = UNNAMED.get(name, name + " {}")
        (window if name in WINDOW else others).append(form.format(text))
    return ", ".join([" ".join(window), *others])


def full(run: LayerRun) -> str:
    """The kind and every field that is not at its default, by name."""
    return ", ".join([run.layer.kind, *(f"{name} {_plain(value)}" for name, value in chosen(run.layer))])


def chosen(layer: Layer) -> Iterator[tuple[str, Any]]:
    """The fields that are not at their defaults."""
    for field in fields(layer):  # type: ignore[arg-type]  # every kind is a dataclass, its base is not
        value = getattr(layer, field.name)
        if field.default is MISSING or value != field.default:
            yield field.name, value


def family(layer: Layer) -> str:
    """The family of a layer: the file that declares its kind."""
    return type(layer).__module__.rpartition(".")[2]


def _place(said: tuple[str, str]) -> int:
    """Kernel, stride and channels first, in this order; the others as declared."""
    order = list(UNNAMED)
    return order.index(said[0]) if said[0] in order else len(order)


def _by_axis(value: Any, rank: int) -> str:
    return "x".join(_plain(size) for size in spread(value, rank if not isinstance(value, tuple) else len(value), ""))


def _plain(value: Any) -> str:
    if isinstance(value, Fraction):
        return f"{float(value):g}"
    return value if isinstance(value, str) else describe(value)
