"""A folding as text: what it saves, what was folded, what was refused and why, and how equal the two networks are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar

from archtool.algebra.folding.folding import Folding, Refusal
from archtool.algebra.folding.told import told
from archtool.render.columns import aligned

SHOWN: Final = 3  # of equal kind, where not all are asked for
QUANTITIES: Final = {
    "layers": "layers",
    "params": "params",
    "statistics": "running statistics",
    "macs": "macs",
}

T = TypeVar("T")


class Equality(Protocol):
    """What a check has measured (archtool.realize.folding.Checked)."""

    @property
    def error(self) -> float: ...
    @property
    def at(self) -> str: ...
    @property
    def outputs(self) -> float: ...
    @property
    def compared(self) -> int: ...
    @property
    def draws(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def ok(self) -> bool: ...


def text(name: str, folding: Folding, checked: Equality | None, unchecked: str, every: bool = False) -> str:
    """A folding as a person reads it; `unchecked` says why equality was not measured."""
    parts = [f"{name} at inference\n", _saving(folding)]
    folds = _grouped(folding.folds, lambda layer: told(layer.tree, kinds=True) if layer.tree else "")
    if folds:
        parts.append(
            "folded\n" + "".join(_group(kind, [step.name for step in steps], every) for kind, steps in folds.items())
        )
    if folding.gone:
        parts.append(f"left out, as they pass their input on: {_some(folding.gone, every)}\n")
    if folding.refused:
        parts.append("not folded\n" + "".join(_refusals(folding.refused, every)))
    elif not folds and not folding.gone:
        parts.append("no two linear layers stand next to each other: there is nothing to fold\n")
    parts.append(f"{equality(checked) if checked else f'equality not measured: {unchecked}'}\n")
    return "\n".join(parts)


def equality(checked: Equality) -> str:
    """How equal two networks are."""
    verdict = "equal" if checked.ok else "NOT EQUAL"
    draws = f"{checked.draws} draw{'s' if checked.draws > 1 else ''} of weights and inputs"
    where = f" (in '{checked.at}')" if checked.error else ""
    return (
        f"{verdict}: the largest relative difference is {checked.outputs:.1e} of the outputs,\n"
        f"  {checked.error:.1e} of a single layer{where}; "
        f"{checked.compared:,} tensors, {draws}, float64 on {checked.device}"
    )


def _saving(folding: Folding) -> str:
    rows: list[tuple[str, ...]] = [("", "before", "after", "saved")]
    for field, title in QUANTITIES.items():
        before, after = getattr(folding.before, field), getattr(folding.after, field)
        saved = f"{(before - after) / before:.1%}" if before and before != after else ""
        if before or after:
            rows.append((title, f"{before:,}", f"{after:,}", saved))
    return aligned(rows, numbers=(1, 2, 3))


def _group(kind: str, names: list[str], every: bool) -> str:
    times = f"{len(names)} x " if len(names) > 1 else ""
    return f"  {times}{kind}\n    {_some(names, every)}\n"


def _some(names: Iterable[str], every: bool) -> str:
    listed = [*names]
    shown = listed if every else listed[:SHOWN]
    more = f" and {len(listed) - len(shown)} more" if len(listed) > len(shown) else ""
    return ", ".join(shown) + more


def _refusals(refused: Iterable[Refusal], every: bool) -> Iterable[str]:
    for rule, each in _grouped(refused, lambda refusal: refusal.rule).items():
        shown = each if every else each[:SHOWN]
        yield f"  {len(each)} x {rule}\n" if len(each) > 1 else f"  {rule}\n"
        for refusal in shown:
            yield f"    {', '.join(refusal.layers)}\n      {refusal.reason}\n"
        if len(shown) < len(each):
            yield f"    and {len(each) - len(shown)} more\n"


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def to_dict(name: str, folding: Folding, checked: Equality | None, spec: str) -> Mapping[str, Any]:
    """A folding as JSON."""
    return {
        "name": name,
        "before": folding.before._asdict(),
        "after": folding.after._asdict(),
        "folded": [
            {"name": layer.name, "made": list(layer.made), "how": told(layer.tree)}
            for layer in folding.folds
            if layer.tree is not None
        ],
        "left_out": list(folding.gone),
        "refused": [refusal._asdict() for refusal in folding.refused],
        "checked": None
        if checked is None
        else {
            "equal": checked.ok,
            "error": checked.error,
            "at": checked.at,
            "outputs": checked.outputs,
            "tensors": checked.compared,
            "draws": checked.draws,
            "dtype": "float64",
            "device": checked.device,
        },
        "spec": spec,
    }
