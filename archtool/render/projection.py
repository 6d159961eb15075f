"""What a picture of a receptive field shows, before anyone decides how it looks: a canvas, a box, a map over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from archtool.analysis.effective import EffectiveField
    from archtool.analysis.projective import ProjectiveField
    from archtool.analysis.seen import LayerField
    from archtool.analysis.support import Support
    from archtool.design import Design

    Array = np.ndarray[Any, Any]


class Projection(NamedTuple):
    """A `canvas` of these sizes (positions along each axis, of these names); the box [low, high] along each axis, which
    may reach past it; `shares` from 0 to 1 of every position of the canvas: whether it is seen or reached (`verb`), or
    how strongly."""

    title: str
    subtitle: str
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    box: tuple[tuple[int, int], ...]
    shares: Array
    is_set: bool
    legend: str
    canvas: str
    verb: str

    @property
    def middle(self) -> tuple[int, ...]:
        """The position of the canvas nearest to the middle of the box."""
        return tuple(min(max((low + high) // 2, 0), n - 1) for (low, high), n in zip(self.box, self.sizes, strict=True))


def projection(
    design: Design,
    at: str | None = None,
    position: tuple[int, ...] | None = None,
    of: str | None = None,
    *,
    effective: bool = False,
    projective: bool = False,
) -> Projection:
    """What the picture of a design's field shows; see `Design.draw_field`."""
    if projective:
        return of_projective(design.projective(at, position, of), design.support(at, position, of, projective=True))
    field = design.field(at, position, of)
    if effective:
        return of_effective(field, design.effective(field.at, field.view.position, field.of))
    return of_support(field, design.support(at, position, of))


def of_support(field: LayerField, support: Support) -> Projection:
    """What a position sees, exactly."""
    sizes = tuple(axis.n for axis in field.axes)
    return Projection(
        title=_title(field),
        subtitle=_seen(field),
        names=tuple(axis.name for axis in field.axes),
        sizes=sizes,
        canvas=field.of,
        verb="seen",
        box=_box(field),
        shares=_filled(support, sizes),
        is_set=True,
        legend="" if support.covered == 1 else _holes(support),
    )


def of_effective(field: LayerField, effective: EffectiveField) -> Projection:
    """How strongly a position sees: the root of the expected squared gradient, relative to the greatest."""
    import numpy as np

    root = np.sqrt(effective.map)
    widths = " x ".join(f"{sigma:.1f}" for sigma in effective.widths)
    return Projection(
        title=_title(field),
        subtitle=_seen(field),
        names=tuple(axis.name for axis in field.axes),
        canvas=field.of,
        verb="seen",
        sizes=tuple(axis.n for axis in field.axes),
        box=_box(field),
        shares=root / root.max(),
        is_set=False,
        legend=f"gradient (root mean square, relative); standard deviation {widths} px",
    )


def of_projective(field: ProjectiveField, support: Support) -> Projection:
    """Which positions of a layer's output are reached."""
    sizes = tuple(axis.positions for axis in field.axes)
    box = tuple((0, -1) if a.first is None or a.last is None else (a.first, a.last) for a in field.axes)
    told = ",".join(map(str, field.position))
    return Projection(
        title=f"{field.name}: positions of {field.at} that {told} of {field.of} reaches",
        subtitle="none" if field.is_empty else f"{_by(tuple(b - a + 1 for a, b in box))} of {_by(sizes)}",
        names=tuple(axis.name for axis in field.axes),
        sizes=sizes,
        box=box,
        shares=_filled(support, sizes),
        is_set=True,
        legend="" if support.covered in (0, 1) else _holes(support),
        canvas=field.at,
        verb="reached",
    )


def _holes(support: Support) -> str:
    verb = "reached" if support.projective else "seen"
    return f"{support.count:,} of the {support.map.size:,} between the outermost ({support.covered:.1%}) are {verb}"


def _title(field: LayerField) -> str:
    told = ",".join(map(str, field.view.position))
    return f"{field.name}: what {field.at}" + (f" at {told}" if told else "") + " sees"


def _seen(field: LayerField) -> str:
    sizes = _by(tuple(axis.n for axis in field.axes))
    if field.sees == "everything":
        return f"everything: {sizes} of {field.of}"
    view = field.view
    if view.sees_nothing:
        return "nothing: it lies between the taps of a transposed convolution"
    said = f"{_by(tuple(span.size for span in view.spans))} of {field.of} ({sizes})"
    if view.outside:
        said += f"; {view.share:.1%} of it padding"
    return said + ("; and everything by another path" if field.sees != "local" else "")


def _box(field: LayerField) -> tuple[tuple[int, int], ...]:
    return tuple((span.low, span.high) for span in field.view.spans)


def _filled(support: Support, sizes: tuple[int, ...]) -> Array:
    import numpy as np

    shares = np.zeros(sizes)
    shares[tuple(slice(a, a + n) for a, n in zip(support.start, support.map.shape, strict=True))] = support.map
    return shares


def _by(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
