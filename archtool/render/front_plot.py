"""Fronts drawn with matplotlib: the front's points, numbered, before the cloud of all designs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.analysis.measures import METRICS
from archtool.errors import missing_extra
from archtool.render.front import counted
from archtool.render.picture import PictureError, check, write

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from archtool.explore.fronts.front import Front

    Array = np.ndarray[Any, Any]

FORMATS: Final = ("png", "svg", "pdf")
INK, FRONT, DESIGNS = "#222222", "#c8102e", "#8a8f98"
SHADES: Final = ("#e6e7ea", "#80858f")  # of one design in a place, and of as many as there are
THIRD: Final = "viridis_r"  # of the third objective
DOTS: Final = 8_000  # designs that are drawn one by one
BINS: Final = 110  # along each axis, where they are counted instead
DECADES: Final = 100  # an axis is logarithmic from this ratio of its ends on
NUMBERED: Final = 30  # points that have their number beside them, at most
APART: Final = 17  # pixels between numbers, at least
VECTORS: Final = 5_000  # points of the front that are drawn as vectors
MOST_OBJECTIVES: Final = 5


def save(front: Front, path: Path) -> None:
    """Draw a front into a file, as png, svg or pdf by its suffix: whole or not at all.

    Raises PictureError where the file can't be written or there are too many objectives, MissingExtra without
    matplotlib.
    """
    write(draw(front, check(path, FORMATS)), path)


def draw(front: Front, form: str) -> bytes:
    """A front as png, svg or pdf. One objective: how many designs have which value, and the best one. Two: a panel.
    Three: a panel, the third as the colour of the points. More: a panel for each two of them.

    In an svg the points are the `use` elements of the group `points` (of its first panel), in their order.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("a picture", "matplotlib", "plot", error) from None
    names = front.objectives
    if len(names) > MOST_OBJECTIVES:
        raise PictureError(f"a picture shows at most {MOST_OBJECTIVES} objectives, not {len(names)}")
    import numpy as np

    points = np.stack([front.values(name).astype(np.float64) for name in names], axis=1)
    with rc_context({"svg.hashsalt": "archtool", "svg.fonttype": "none"}):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        if len(names) == 1:
            _histogram(figure, front, points)
        else:
            _panels(figure, front, points)
        figure.suptitle("\n".join(title(front)), fontsize=10, color=INK)
        out = io.BytesIO()
        undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
        figure.savefig(out, format=form, dpi=140, metadata=undated[form])
    return out.getvalue()


def title(front: Front) -> list[str]:
    """What is drawn, in a line or two."""
    spec = front.about.get("spec") or {}
    designs = front.read - front.invalid - front.excluded
    valid = "valid designs" if front.invalid else "designs"
    met = " that meet " + " and ".join(front.where) if front.where else ""
    lines = [f"{spec.get('name') or front.path.stem}: {counted(front)} on the front of {designs:,} {valid}"]
    if met:
        lines[0] += met if len(met) <= 40 else ""
        lines += [met.strip()] if len(met) > 40 else []
    return lines


def _goal(front: Front, name: str) -> str:
    return "smaller is better" if name in front.minimize else "greater is better"


def _label(front: Front, name: str) -> str:
    unit = f", {METRICS[name].unit}" if name in METRICS and METRICS[name].unit != "numbers" else ""
    return f"{name}{unit} ({_goal(front, name)})"


def _panels(figure: Figure, front: Front, points: Array) -> None:
    names = front.objectives
    pairs = [(0, 1)] if len(names) <= 3 else list(combinations(range(len(names)), 2))
    across = 1 if len(pairs) == 1 else 2 if len(pairs) <= 4 else 3
    down = -(-len(pairs) // across)
    figure.set_size_inches(8.2 if across == 1 else 4.4 * across, 5.6 if across == 1 else 3.7 * down)
    for index, (first, second) in enumerate(pairs):
        panel = figure.add_subplot(down, across, index + 1)
        ends = [_axis(panel, front, axis, side, points) for axis, side in ((first, "x"), (second, "y"))]
        _cloud(panel, front.cloud[:, [first, second]], ends)
        colour = points[:, 2] if len(names) == 3 else None
        _points(figure, panel, front, points[:, [first, second]], colour, index == 0)
        panel.grid(True, which="major", color="#e4e4e0", linewidth=0.6, zorder=0)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8, color=INK)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    _numbers(figure, front, points, NUMBERED if len(pairs) == 1 else NUMBERED // 2)
    _key(figure, front)


def _axis(panel: Axes, front: Front, objective: int, side: str, points: Array) -> tuple[float, float, bool]:
    """Prepare an axis for an objective: its ends, and whether it is logarithmic."""
    import numpy as np
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    name = front.objectives[objective]
    values = np.concatenate([front.cloud[:, objective], points[:, objective]])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    is_log = low > 0 and high / low >= DECADES
    axis = panel.xaxis if side == "x" else panel.yaxis
    if is_log:
        rim = (high / low) ** 0.05
        ends = low / rim, high * rim
        (panel.set_xscale if side == "x" else panel.set_yscale)("log")
        axis.set_major_locator(LogLocator(subs=(1.0,) if high / low > 10**4 else (1.0, 3.0)))
        axis.set_minor_formatter(NullFormatter())
    else:
        rim = 0.05 * (high - low) or max(abs(low) * 0.05, 0.5)
        ends = low - rim, high + rim
    axis.set_major_formatter(EngFormatter(sep="\N{NARROW NO-BREAK SPACE}"))
    (panel.set_xlim if side == "x" else panel.set_ylim)(*ends)
    (panel.set_xlabel if side == "x" else panel.set_ylabel)(_label(front, name), fontsize=9, color=INK)
    return (*ends, is_log)


def _cloud(panel: Axes, cloud: Array, ends: Sequence[tuple[float, float, bool]]) -> None:
    """All designs, one by one where they are few, else counted in boxes."""
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    if len(cloud) <= DOTS:
        panel.scatter(cloud[:, 0], cloud[:, 1], s=7, color=DESIGNS, alpha=0.55, linewidths=0, zorder=2, rasterized=True)
        return
    edges = [np.geomspace(low, high, BINS) if is_log else np.linspace(low, high, BINS) for low, high, is_log in ends]
    counts, _, _ = np.histogram2d(cloud[:, 0], cloud[:, 1], bins=edges)
    shades = LinearSegmentedColormap.from_list("designs", SHADES)
    norm = LogNorm(1, max(counts.max(), 2))
    panel.pcolormesh(*edges, np.ma.masked_equal(counts.T, 0), cmap=shades, norm=norm, zorder=2, rasterized=True)


def _points(figure: Figure, panel: Axes, front: Front, points: Array, colour: Array | None, is_named: bool) -> None:
    import numpy as np
    from matplotlib.ticker import EngFormatter

    if len(front.objectives) == 2:  # the points are in order: what is dominated lies behind these steps
        panel.plot(points[:, 0], points[:, 1], drawstyle="steps-post", color=FRONT, linewidth=1.1, alpha=0.75, zorder=3)
    look: dict[str, Any] = {"c": FRONT} if colour is None else {"c": colour, "cmap": THIRD}
    size = float(np.clip(1500 / len(points), 9, 30))
    drawn = panel.scatter(
        points[:, 0], points[:, 1], s=size, edgecolors="white", linewidths=0.5, zorder=4,
        rasterized=len(points) > VECTORS, gid="points" if is_named else None, **look,
    )  # fmt: skip
    if colour is not None:
        bar = figure.colorbar(drawn, ax=panel, pad=0.015, aspect=34)
        bar.set_label(_label(front, front.objectives[2]), fontsize=9, color=INK)
        bar.ax.tick_params(labelsize=8, color=INK)
        bar.outline.set_visible(False)
        bar.formatter = EngFormatter(sep="\N{NARROW NO-BREAK SPACE}")
        bar.update_ticks()


def _numbers(figure: Figure, front: Front, points: Array, most: int) -> None:
    """Numbers beside some points of the first panel: the first and the last, and others that have room."""
    import numpy as np
    from matplotlib.patheffects import withStroke

    panel = figure.axes[0]
    figure.draw_without_rendering()  # places the axes
    places = panel.transData.transform(points[:, :2])
    placed: list[int] = []
    for index in _far_apart(len(points)):
        gaps = np.abs(places[placed] - places[index])
        if not placed or np.all((gaps > (APART * 1.2, APART * 0.8)).any(axis=1)):
            placed.append(index)
        if len(placed) == most:
            break
    # two objectives: on the side where nothing is
    across, up = (
        [-1 if name in front.minimize else 1 for name in front.objectives[:2]] if points.shape[1] == 2 else (1, 1)
    )
    for index in placed:
        panel.annotate(
            str(index + 1), (points[index, 0], points[index, 1]),
            xytext=(3.5 * across, 3.5 * up), textcoords="offset points",
            ha="left" if across > 0 else "right", va="bottom" if up > 0 else "top", fontsize=7, color=INK, zorder=5,
            path_effects=[withStroke(linewidth=1.8, foreground="white")],
        )  # fmt: skip


def _far_apart(count: int) -> list[int]:
    """Places in a row: its ends first, then its middle, then those of its halves, and so on."""
    order = dict.fromkeys((0, count - 1))
    step = 1 << (count - 1).bit_length()
    while step >= 1:
        order.update(dict.fromkeys(range(0, count, step)))
        step //= 2
    return list(order)


def _histogram(figure: Figure, front: Front, points: Array) -> None:
    """One objective: how many designs have which value, and where the best is."""
    import numpy as np

    figure.set_size_inches(8.2, 3.4)
    panel = figure.add_subplot()
    low, high, is_log = _axis(panel, front, 0, "x", points)
    edges = np.geomspace(low, high, 60) if is_log else np.linspace(low, high, 60)
    panel.hist(front.cloud[:, 0], bins=edges, color=DESIGNS, zorder=2)  # type: ignore[arg-type]  # an array does
    panel.axvline(points[0, 0], color=FRONT, linewidth=1.6, zorder=3)
    panel.set_yticks([])
    panel.tick_params(labelsize=8, color=INK)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    _key(figure, front)


def _key(figure: Figure, front: Front) -> None:
    from matplotlib.lines import Line2D

    designs = front.read - front.invalid - front.excluded
    drawn = (
        f"designs ({len(front.cloud):,} of {designs:,}, drawn at random)" if len(front.cloud) < designs else "designs"
    )
    marks = [
        Line2D([], [], linestyle="", marker="s", markersize=6, color=DESIGNS, label=drawn),
        Line2D([], [], linestyle="", marker="o", markersize=5, color=FRONT, label="front"),
    ]
    if len(front.objectives) == 3:
        marks[1] = Line2D([], [], linestyle="", marker="o", markersize=5, color="#21918c", label="front")
    figure.legend(handles=marks, loc="outside lower center", ncols=2, fontsize=8, frameon=False, labelcolor=INK)
