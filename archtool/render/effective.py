"""A measured effective field as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archtool.render.columns import aligned
from archtool.shape import axis_name

if TYPE_CHECKING:
    from archtool.realize.effective import Measured


def table(measured: Measured) -> str:
    """The widths along each axis, predicted and measured, how much both maps have in common, and what was assumed."""
    predicted, widths = measured.predicted, measured.measured.widths
    place = "x".join(map(str, predicted.position))
    at = f"'{predicted.at}'" + (f" at {place}" if place else "")
    head = (
        f"{measured.name} on {measured.device}: effective field of {at} in '{predicted.of}', "
        f"{measured.draws} draws of the weights\n"
    )
    rows = [("width along", "predicted", "measured", "+-", "difference")]
    columns = zip(predicted.widths, widths, measured.errors, measured.differences, strict=True)
    for axis, (p, m, error, difference) in enumerate(columns):
        name = axis_name(axis, len(widths))
        rows.append((name, f"{p:.3f}", f"{m:.3f}", f"{error:.3f}", f"{difference:+.1%}"))
    shared = f"both maps have {measured.overlap:.1%} in common\n"
    return "\n".join([head, aligned(rows, numbers=(1, 2, 3, 4)), shared, f"assumed: {predicted.assumes}\n"])
