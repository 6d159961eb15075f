"""What a file of designs says of itself, read with care: anyone may have written it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from archtool.analysis.options import Options
from archtool.explore.storing.sinks import OutputError, State

Form = Callable[[Any], bool]


def stated(text: str | bytes, path: Path) -> State:
    """A state as JSON; raises OutputError for what is none, in whole or in a part that is there."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    wrong = "" if isinstance(found, dict) else "it is no JSON object"
    wrong = wrong or next((f"'{name}'" for name, form in FORMS.items() if name in found and not form(found[name])), "")
    if wrong:
        raise OutputError(f"{path}: what it says of its sweep can't be read: {wrong}")
    state: State = found
    return state


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_count, value))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _named(form: Form) -> Form:
    return lambda value: isinstance(value, Mapping) and all(map(form, value.values()))


def _spec(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    texts = {name: text for name, text in value.items() if name not in ("source", "includes")}
    return _named(_text)(texts) and _named(_text)(value.get("includes", {}))


def _knob(value: Any) -> bool:
    if not isinstance(value, Mapping) or not _text(value.get("name")):
        return False
    values, among = value.get("values"), value.get("among")
    return (values is None or _text(values) or _texts(values)) and (among is None or _count(among))


def _axes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(axis, list) and all(map(_knob, axis)) for axis in value)


def _options(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() >= Options().to_dict().keys()


FORMS: Final[Mapping[str, Form]] = {
    "spec": _spec,
    "design": lambda value: value is None or _text(value),
    "set": _named(_text),
    "axes": _axes,
    "where": _texts,
    "metrics": _texts,
    "minimize": _texts,
    "maximize": _texts,
    "options": _options,
    "fingerprint": _text,
    "version": _text,
    "types": _named(_text),
    "next": _count,
    "rows": _count,
    "invalid": _named(_count),
    "removed": _counts,
    "part": lambda value: _counts(value) and len(value) == 2,
}
