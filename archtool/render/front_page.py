"""A front as one HTML page that needs nothing else: its picture, with a hint on each point, and a table to sort."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree

from archtool.render.columns import shown
from archtool.render.front import columns, summary
from archtool.render.front_plot import draw
from archtool.render.picture import check, write
from archtool.units import si

if TYPE_CHECKING:
    from archtool.explore.fronts.front import Front

FORMATS: Final = ("html",)
ROWS: Final = 1_000  # points that the table of a page has
HINTED: Final = 5_000  # points that have a hint in the picture
MOST_KNOBS: Final = 12  # that a hint tells
SVG: Final = "http://www.w3.org/2000/svg"

STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
p, pre { margin: .5rem 0; }
.source { color: #555; }
pre { font: 13px/1.6 ui-monospace, monospace; background: #f6f6f4; padding: .6rem .9rem; overflow-x: auto; }
figure { margin: 1.2rem 0; }
figure svg { width: 100%; height: auto; max-height: 85vh; }
#points use { cursor: default; }
#points use.here { stroke: #000 !important; stroke-width: 2.5 !important; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #222; cursor: pointer; text-align: left; white-space: nowrap; }
th, td { padding: .25rem .8rem .25rem 0; }
th.number, td.number { text-align: right; }
th.goal { color: #c8102e; }
th[aria-sort=ascending]::after { content: " \\25B2"; }
th[aria-sort=descending]::after { content: " \\25BC"; }
td { border-bottom: 1px solid #e8e8e4; white-space: nowrap; }
tr:hover td { background: #fdf1f2; }
"""

SCRIPT: Final = """
const table = document.querySelector("table"), body = table.tBodies[0];
table.tHead.addEventListener("click", event => {
  const head = event.target.closest("th");
  if (!head) return;
  const down = head.getAttribute("aria-sort") === "ascending", at = head.cellIndex;
  const key = row => row.cells[at].dataset.value ?? row.cells[at].textContent;
  const isNumber = head.classList.contains("number");
  const order = (a, b) => isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b));
  const rows = [...body.rows].sort((a, b) => down ? order(b, a) : order(a, b));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
});
const points = document.querySelectorAll("#points use");
const mark = on => event => {
  const row = event.target.closest("tr");
  if (row && points[row.dataset.point]) points[row.dataset.point].classList.toggle("here", on);
};
body.addEventListener("mouseover", mark(true));
body.addEventListener("mouseout", mark(false));
"""


def save(front: Front, path: Path) -> None:
    """Write a front's page: whole or not at all. Raises PictureError where it can't be written, MissingExtra without
    matplotlib."""
    check(path, FORMATS)
    write(page(front).encode(), path)


def page(front: Front) -> str:
    """The page: what is explored, the picture, the points."""
    spec = front.about.get("spec") or {}
    name = escape(str(spec.get("name") or front.path.stem))
    said = [f"<h1>{name}: the front</h1>"]
    if spec.get("source"):
        said.append(f'<p class="source">{escape(str(spec["source"]))}</p>')
    said.append(f"<pre>{escape(chr(10).join([*summary(front), *_space(front)]))}</pre>")
    said.append(f"<figure>{picture(front)}</figure>")
    said.append(f'<div class="wide">{table(front, ROWS)}</div>')
    if len(front) > ROWS:
        said.append(f"<p>The first {ROWS:,} of {len(front):,} points.</p>")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}: the front</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n<body>\n'
        + "\n".join(said)
        + f"\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def table(front: Front, limit: int | None = ROWS) -> str:
    """The points as an HTML table."""
    found = columns(front, limit)
    goals = range(1, len(front.objectives) + 1)
    head = "".join(
        f"<th{_classes(column.is_number, index in goals)}>{escape(column.title)}</th>"
        for index, column in enumerate(found)
    )
    rows = []
    for index, cells in enumerate(zip(*(column.cells for column in found), strict=True)):
        told = "".join(_cell(cell, column.is_number) for cell, column in zip(cells, found, strict=True))
        rows.append(f'<tr data-point="{index}">{told}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _classes(is_number: bool, is_goal: bool) -> str:
    classes = [name for name, holds in (("number", is_number), ("goal", is_goal)) if holds]
    return f' class="{" ".join(classes)}"' if classes else ""


def _cell(text: str, is_number: bool) -> str:
    if not is_number:
        return f"<td>{escape(text)}</td>"
    return f'<td class="number" data-value="{escape(text.replace(",", ""))}">{escape(text)}</td>'


def picture(front: Front) -> str:
    """The picture as SVG, each point with what it is as a hint."""
    for prefix, uri in (("", SVG), ("xlink", "http://www.w3.org/1999/xlink")):
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.fromstring(draw(front, "svg"))  # our own text
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    root.attrib.pop("width", None)  # as wide as the page
    root.attrib.pop("height", None)
    group = root.find(f".//{{{SVG}}}g[@id='points']")
    uses = [] if group is None else group.findall(f".//{{{SVG}}}use")
    if len(uses) == len(front):  # not where they are too many to be drawn one by one
        for number, (use, row) in enumerate(zip(uses, front.first(HINTED), strict=False), 1):
            ElementTree.SubElement(use, f"{{{SVG}}}title").text = hint(front, number, row)
    return ElementTree.tostring(root, encoding="unicode")


def hint(front: Front, number: int, row: dict[str, Any]) -> str:
    """What a point is, a line each: its number, its objectives, its knobs."""
    lines = [
        f"point {number}" + (f" of {front.sharing[number - 1]:,} designs" if front.sharing[number - 1] > 1 else "")
    ]
    for name in front.objectives:
        value = row[name]
        lines.append(f"{name}: {si(value) if isinstance(value, int) and value >= 0 else shown(value)}")
    knobs = [f"{name} = {shown(row[name], plain=True)}" for name in front.knobs]
    return "\n".join(lines + knobs[:MOST_KNOBS] + (["..."] if len(knobs) > MOST_KNOBS else []))


def _space(front: Front) -> list[str]:
    """What was varied, a line for knobs with the same values."""
    names: dict[str, list[str]] = {}
    for axis in front.about.get("axes", ()):
        for knob in axis:
            values = knob["values"]
            names.setdefault(values if isinstance(values, str) else _brief(values), []).append(knob["name"])
    if not names:
        return []
    lines = ["varied:", *(f"  {', '.join(same)}: {values}" for values, same in names.items())]
    sample = front.about.get("sample")
    return [*lines, f"  {sample['count']:,} designs drawn at random, seed {sample['seed']}"] if sample else lines


def _brief(values: Sequence[str]) -> str:
    text = ", ".join(values[:20])
    return text + (f", ... ({len(values):,} values)" if len(values) > 20 else "")
