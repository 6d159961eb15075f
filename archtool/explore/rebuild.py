"""A sweep made again from what it says of itself, on a machine that has none of its files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from archtool.analysis.operations.convention import Convention
from archtool.analysis.options import Options
from archtool.design import Design
from archtool.errors import ArchtoolError
from archtool.explore.asked import Asked
from archtool.explore.space import Axis, Knob, Sample, Space
from archtool.explore.sweep import Sweep
from archtool.spec.library import Texts
from archtool.spec.reader import Sequence as SequenceNode
from archtool.spec.reader import read_text

AT_ONCE: Final = 10_000  # values
RANGE: Final = re.compile(r"(-?\d+)\.\.(-?\d+):(-?\d+)")


class RebuildError(ArchtoolError):
    """A description is not that of a sweep that this archtool can make again."""


def rebuild(description: Mapping[str, Any]) -> Sweep:
    """The sweep that `Sweep.describe` has described: its `describe()` is the description.

    Where the description has a `fingerprint`, as that of a result has, the sweep's must be the same. Raises
    RebuildError for what is no description, or for one that means something else here, as with another version of
    archtool.
    """
    try:
        sweep = _rebuilt(description)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RebuildError(f"this is no description of a sweep: {type(error).__name__}: {error}") from None
    if description.get("fingerprint", sweep.fingerprint) != sweep.fingerprint:
        raise RebuildError(
            f"the sweep of '{sweep.design.spec.name}' can't be made again from its description: it was described by "
            "another version of archtool, or the description has been changed"
        )
    return sweep


def rebuilt_design(description: Mapping[str, Any]) -> Design:
    """The design that a described sweep varies: its spec, with all that it includes, as they were then."""
    spec = description["spec"]
    library = Texts(spec["includes"], Path(spec["shipped"]))
    document = read_text(spec["text"], spec["file"])
    return Design(document, description["design"], description["set"], Path(spec["folder"]), library)


def _rebuilt(description: Mapping[str, Any]) -> Sweep:
    design = rebuilt_design(description)
    sample = description["sample"]
    space = Space(
        axes=tuple(Axis(knobs=tuple(_knob(design, knob) for knob in axis)) for axis in description["axes"]),
        sample=None if sample is None else Sample(count=sample["count"], seed=sample["seed"]),
    )
    goals = (tuple(description[name]) for name in ("where", "minimize", "maximize"))
    options = dict(description["options"])
    if options["convention"] is not None:
        options["convention"] = Convention.read(options["convention"])
    return Sweep(design, Asked(space, *goals), description["metrics"], Options(**options))


def _knob(design: Design, told: Mapping[str, Any]) -> Knob:
    values = told["values"]
    return Knob(
        name=told["name"],
        values=_range(values) if isinstance(values, str) else _listed(design, told["name"], values),
        among=told["among"],
    )


def _range(text: str) -> range:
    found = RANGE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no range")
    first, last, step = map(int, found.groups())
    return range(first, last + (1 if step > 0 else -1), step)


def _listed(design: Design, name: str, texts: Sequence[str]) -> tuple[Any, ...]:
    """The values that `written` wrote, read as many at once as a text may hold."""
    values: list[Any] = []
    for start in range(0, len(texts), AT_ONCE):
        document = read_text(f"value: [{', '.join(texts[start : start + AT_ONCE])}]", name)
        node = document.root.entries["value"][1]
        assert isinstance(node, SequenceNode)
        values += [design.spec.value(item, document) for item in node.items]
    return tuple(values)
