"""What tells two sweeps apart, by what they say of themselves (`Sweep.describe`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

MOST_TOLD: Final = 60  # characters of a value
WORDS: Final = ("design", "where", "metrics", "minimize", "maximize")


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Lines that say what a stored sweep has, and what the one that is asked for."""
    return list(_differences(stored, asked)) or ["another version of archtool has written it"]


def _differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    if "search" in stored and "search" not in asked:
        yield "it holds what a search has found"
    if stored["spec"]["name"] != asked["spec"]["name"]:
        yield _told("the spec", stored["spec"]["name"], asked["spec"]["name"])
    elif stored["spec"]["text"] != asked["spec"]["text"]:
        yield f"the text of the spec '{asked['spec']['name']}' has changed{_first_line(stored, asked)}"
    elif sorted(stored["spec"]["includes"].values()) != sorted(asked["spec"]["includes"].values()):
        yield f"a file that the spec '{asked['spec']['name']}' includes has changed"
    yield from _entries("", stored["set"], asked["set"])
    yield from _entries("the values of ", _knobs(stored), _knobs(asked))
    if [_names(axis) for axis in stored["axes"]] != [_names(axis) for axis in asked["axes"]]:
        yield _told("the axes", [_names(axis) for axis in stored["axes"]], [_names(axis) for axis in asked["axes"]])
    yield from _entries("the sample's ", stored["sample"] or {}, asked["sample"] or {})
    for word in WORDS:
        if stored[word] != asked[word]:
            yield _told(word, stored[word], asked[word])
    yield from _entries("", stored["options"], asked["options"])


def _entries(what: str, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*stored, *asked]):
        if stored.get(name) != asked.get(name):
            yield _told(f"{what}{name}", stored.get(name), asked.get(name))


def _told(what: str, stored: Any, asked: Any) -> str:
    return f"{what}: {_brief(stored)} there, {_brief(asked)} asked for"


def _brief(value: Any) -> str:
    shown = [] if value is None else value if isinstance(value, list) else [value]
    text = ", ".join(map(str, shown)) or "none"
    return text if len(text) <= MOST_TOLD else text[:MOST_TOLD] + "..."


def _knobs(told: Mapping[str, Any]) -> dict[str, Any]:
    return {knob["name"]: knob["values"] for axis in told["axes"] for knob in axis}


def _names(axis: list[dict[str, Any]]) -> str:
    return "+".join(knob["name"] for knob in axis)


def _first_line(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """The first line that differs, where both texts have one."""
    pairs = zip(stored["spec"]["text"].splitlines(), asked["spec"]["text"].splitlines(), strict=False)
    for number, (old, new) in enumerate(pairs, 1):
        if old != new:
            return f" (line {number})"
    return ""
