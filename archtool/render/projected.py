"""Receptive fields drawn into files with matplotlib: a box on the input, what is seen inside it, padding around it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import missing_extra
from archtool.render.photo import photo
from archtool.render.picture import PictureError, check, write
from archtool.render.projection import Projection

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, Any]

FORMATS: Final = ("png", "svg", "pdf")
INK, BOX, SEEN, PAPER, PADDING, LINES = "#222222", "#c8102e", "#2f6fb0", "#f2f2ef", "#d9d9d4", "#b5b5ae"
VEIL: Final = 0.72  # how white what is not seen of a photo becomes
HEAT: Final = "magma"
FAR: Final = 4  # fields of one axis that are shorter than this part of it are shown with their neighbourhood alone
SIDE: Final = 6.4  # inches of the longer side


def save(projection: Projection, path: Path, image: Path | None = None) -> None:
    """Draw a projection into a file, over a photo where one is given: whole or not at all.

    Raises PictureError where the file can't be written, the photo can't be read, or lies over no two axes; MissingExtra
    without matplotlib.
    """
    form = check(path, FORMATS)
    rank = len(projection.sizes)
    if not 1 <= rank <= 3:
        raise PictureError(f"a picture has 1 to 3 axes, the field has {rank}")
    if image is not None and rank != 2:
        raise PictureError(f"{image}: a photo has two axes, the field has {rank}")
    under = photo(image, *projection.sizes) if image is not None else None
    write(draw(projection, form, under), path)


def draw(projection: Projection, form: str, under: Array | None = None) -> bytes:
    """A projection as png, svg or pdf; `under` are the pixels of a photo of the canvas's size."""
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("a picture", "matplotlib", "plot", error) from None
    with rc_context({"svg.hashsalt": "archtool", "svg.fonttype": "none"}):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        if len(projection.sizes) == 1:
            _strip(figure, projection)
        else:
            _planes(figure, projection, under)
        said = (projection.title, projection.subtitle, projection.legend)
        figure.suptitle("\n".join(filter(None, said)), fontsize=10, color=INK)
        _key(figure, projection, under is not None)
        out = io.BytesIO()
        undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(out, format=form, dpi=140, metadata=undated[form])
    return out.getvalue()


def _planes(figure: Figure, projection: Projection, under: Array | None) -> None:
    """The plane of two axes, or the three planes through the middle of the field side by side."""
    planes = list(_slices(projection))
    extents = [_limits(projection, axes) for axes, _, _ in planes]
    ratios = [x1 - x0 for (x0, x1), _ in extents]
    tallest = max(y1 - y0 for _, (y0, y1) in extents)
    scale = min(SIDE / max(ratios), SIDE / tallest) if len(planes) == 1 else min(11 / sum(ratios), 5 / tallest)
    figure.set_size_inches(max(5.2, sum(ratios) * scale + 1.2), tallest * scale + 1.5)
    for index, (axes, where, shares) in enumerate(planes):
        panel = figure.add_subplot(1, len(planes), index + 1)
        _plane(panel, projection, axes, shares, under, *extents[index])
        panel.set_title(where, fontsize=9, color=INK)


def _slices(projection: Projection) -> Iterator[tuple[tuple[int, int], str, Array]]:
    """Each plane: its axes (down, across), where it cuts the others, and the shares on it."""
    rank = len(projection.sizes)
    if rank == 2:
        yield (0, 1), "", projection.shares
        return
    for cut in range(rank):
        down, across = [axis for axis in range(rank) if axis != cut]
        position = projection.middle[cut]
        yield (down, across), f"{projection.names[cut]} {position}", projection.shares.take(position, cut)


def _limits(projection: Projection, axes: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """What is shown across and down: the canvas, the box, and a rim."""
    shown = []
    for axis in reversed(axes):
        (low, high), n = projection.box[axis], projection.sizes[axis]
        first, last = (min(low, 0), max(high + 1, n)) if high >= low else (0, n)
        rim = 0.04 * (last - first)
        shown.append((first - rim, last + rim))
    return shown[0], shown[1]


def _plane(
    panel: Axes,
    projection: Projection,
    axes: tuple[int, int],
    shares: Array,
    under: Array | None,
    across: tuple[float, float],
    down: tuple[float, float],
) -> None:
    from matplotlib.patches import Rectangle

    height, width = (projection.sizes[axis] for axis in axes)
    (top, bottom), (left, right) = (projection.box[axis] for axis in axes)
    sees = bottom >= top and right >= left
    box = (left, top), right - left + 1, bottom - top + 1
    if sees:  # what of it lies in padding shows behind the canvas
        panel.add_patch(Rectangle(*box, facecolor=PADDING, hatch="////", edgecolor=LINES, linewidth=0, zorder=1))
    pixels = _pixels(projection, shares, under)
    extent = (0, width, height, 0)
    panel.imshow(pixels, extent=extent, interpolation="nearest", aspect="equal", zorder=2)
    panel.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=INK, linewidth=1.2, zorder=3))
    if sees:
        panel.add_patch(Rectangle(*box, fill=False, edgecolor=BOX, linewidth=1.8, zorder=4))
    panel.set_xlim(*across)
    panel.set_ylim(down[1], down[0])
    panel.set_xlabel(projection.names[axes[1]], fontsize=9)
    panel.set_ylabel(projection.names[axes[0]], fontsize=9)
    panel.tick_params(labelsize=8, color=INK)
    for spine in panel.spines.values():
        spine.set_visible(False)


def _pixels(projection: Projection, shares: Array, under: Array | None) -> Array:
    """The canvas as colours: of a photo what is not seen fades, of a plain one what is seen is inked."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    weight = shares[..., None]
    if under is not None:
        if projection.is_set:
            return np.asarray(under * (1 - VEIL * (1 - weight)) + VEIL * (1 - weight))
        heat = colormaps[HEAT](shares)[..., :3]
        grey = np.repeat(under.mean(-1, keepdims=True), 3, -1) * 0.75
        return np.asarray(grey * (1 - 0.8 * weight) + heat * 0.8 * weight)
    if projection.is_set:
        return np.asarray(np.array(to_rgb(PAPER)) * (1 - weight) + np.array(to_rgb(SEEN)) * weight)
    return np.asarray(colormaps[HEAT](shares)[..., :3])


def _strip(figure: Figure, projection: Projection) -> None:
    """One axis: what is seen as bars from 0 to 1, or as a curve."""
    import numpy as np

    figure.set_size_inches(8.5, 2.6)
    panel = figure.add_subplot()
    (low, high), n = projection.box[0], projection.sizes[0]
    if high >= low:
        panel.axvspan(low, high + 1, facecolor=PADDING, hatch="////", edgecolor=LINES, linewidth=0, zorder=1)
    panel.axvspan(0, n, facecolor=PAPER, edgecolor=INK, linewidth=1.2, zorder=2)
    edges = np.arange(n + 1)
    panel.stairs(projection.shares, edges, fill=True, color=SEEN, zorder=3)
    if high >= low:
        panel.axvspan(low, high + 1, fill=False, edgecolor=BOX, linewidth=1.8, zorder=4)
    first, last = min(low, 0), max(high + 1, n)
    size = high + 1 - low
    if 0 < size * FAR < last - first:  # what is near alone, so that the field is legible
        first, last = max(first, low - size), min(last, high + 1 + size)
    rim = 0.02 * (last - first)
    panel.set_xlim(first - rim, last + rim)
    panel.set_ylim(0, 1)
    panel.set_yticks([])
    panel.set_xlabel(projection.names[0], fontsize=9)
    panel.tick_params(labelsize=8, color=INK)
    for spine in panel.spines.values():
        spine.set_visible(False)


def _key(figure: Figure, projection: Projection, is_photo: bool) -> None:
    """What the colours and lines mean, below everything; of a heat map its scale."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.patches import Patch

    if not projection.is_set and len(projection.sizes) > 1:
        scale = ScalarMappable(cmap=colormaps[HEAT])
        bar = figure.colorbar(scale, ax=figure.axes, shrink=0.5, aspect=30, pad=0.02)
        bar.ax.tick_params(labelsize=8, color=INK)
        bar.outline.set_visible(False)
    said = [Patch(facecolor="none", edgecolor=INK, label=projection.canvas)]
    if all(high >= low for low, high in projection.box):
        said.append(Patch(facecolor="none", edgecolor=BOX, linewidth=1.8, label="field"))
        if any(low < 0 or high >= n for (low, high), n in zip(projection.box, projection.sizes, strict=True)):
            said.append(Patch(facecolor=PADDING, hatch="////", edgecolor=LINES, linewidth=0, label="padding"))
    if projection.is_set and not is_photo:
        said.append(Patch(facecolor=SEEN, label=projection.verb))
    figure.legend(handles=said, loc="outside lower center", ncols=len(said), fontsize=8, frameon=False, labelcolor=INK)
