"""What decides what a sweep finds, as JSON, and its hash: by it a result file is resumed, and a point of it rebuilt."""

from __future__ import annotations

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archtool.explore.space import Axis, Knob
from archtool.spec.values import StepValue

if TYPE_CHECKING:
    from archtool.explore.sweep import Sweep


def describe(sweep: Sweep) -> dict[str, Any]:
    """The spec with what it includes, the design, the knobs that were set, the space, and what is asked."""
    spec = sweep.design.spec
    sample = sweep.space.sample
    return {
        "archtool": 1,
        "spec": {
            "name": spec.name,
            "source": spec.source,
            "file": spec.document.name,
            "text": spec.document.text,
            "folder": str(spec.library.place(spec.folder or Path())),
            "shipped": str(spec.library.shipped),
            "includes": {str(path): included.document.text for path, included in spec.included.items()},
        },
        "design": spec.design,
        "set": {
            name: value if isinstance(value, str) else written(value) for name, value in sweep.design.knobs.items()
        },
        "axes": [_axis(axis) for axis in sweep.space.axes],
        "sample": None if sample is None else {"count": sample.count, "seed": sample.seed},
        "where": list(sweep.where),
        "metrics": list(sweep.metrics),
        "minimize": list(sweep.minimize),
        "maximize": list(sweep.maximize),
        "options": sweep.options.to_dict(),
    }


def fingerprint(described: dict[str, Any]) -> str:
    """SHA-256 of a description, but for where its files lie."""
    spec = described["spec"]
    texts = {name: spec[name] for name in ("name", "source", "text")}
    told = {**described, "spec": {**texts, "includes": sorted(spec["includes"].values())}}
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _axis(axis: Axis) -> list[dict[str, Any]]:
    return [_knob(knob) for knob in axis.knobs]


def _knob(knob: Knob) -> dict[str, Any]:
    if isinstance(knob.values, range):
        values: Any = f"{knob.values[0]}..{knob.values[-1]}:{knob.values.step}"
    else:
        values = [written(value) for value in knob.values]
    return {"name": knob.name, "values": values, "among": knob.among}


def written(value: Any) -> str:
    """A value as a spec has it: `24`, `0.5`, `1/3`, `true`, `same`, `[3, 4]`, `{mbconv: {expand: 6}}`.

    >>> written((3, Fraction(1, 2), True))
    '[3, 0.5, true]'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, StepValue):
        if not value.names:
            return value.word
        fields = ", ".join(f"{name}: {written(item)}" for name, item in zip(value.names, value.values, strict=True))
        return f"{{{value.word}: {{{fields}}}}}"
    if isinstance(value, Fraction):
        return _decimal(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(written, value))}]"
    return str(value)


def _decimal(value: Fraction) -> str:
    """The decimal where it ends, else numerator/denominator."""
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest > 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"
