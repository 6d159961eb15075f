"""A scene in Graphviz's DOT language. The same scene gives the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Final

from archtool.errors import RuleError
from archtool.render.scene import Cluster, Node, Part, Scene, scene
from archtool.render.wrap import wrapped
from archtool.runs import BlockRun
from archtool.units import si

DIRECTIONS: Final = ("TB", "LR")

# Colours by family, the file in archtool/layers/ that declares a kind. Tints of Okabe and Ito's colour-blind safe
# palette; those that stand next to each other differ in lightness, so in grey too.
COLOURS: Final = {
    "conv": "#8cc5ee",
    "linear": "#c7b2e2",
    "pool": "#f6c67c",
    "norm": "#f2efe2",
    "activation": "#d3edcd",
    "join": "#3f4750",
}
OTHER: Final = "#e2e4e7"
LIGHT: Final = "#ffffff"
DARK: Final = "#1d2126"
LINE: Final = "#6b747d"
GREY: Final = "#4f5861"
BLOCK: Final = "#f7f8fa"
ACCENT: Final = "#9a3412"

PLAIN: Final = {
    "tensor": f'shape=plaintext, fontsize=9, fontcolor="{GREY}", margin="0.04,0.01", width=0, height=0',
    "end": f'shape=box, style="rounded,filled", fillcolor="{LIGHT}", height=0.3',
    "tag": f'shape=circle, style=filled, fillcolor="{LIGHT}", width=0.28, fixedsize=true',
}
FONT: Final = "Helvetica,Arial,DejaVu Sans,sans-serif"
DEFAULTS: Final = (
    f'bgcolor="{LIGHT}", fontname="{FONT}", fontsize=12, nodesep=0.25, ranksep=0.16, pad=0.2',
    f'shape=plain, fontname="{FONT}", fontsize=10, fontcolor="{DARK}", color="{LINE}"',
    f'color="{LINE}", arrowsize=0.55',
)


def dot(run: BlockRun, inputs: tuple[str, ...], name: str, depth: int | None = None, direction: str = "TB") -> str:
    """The picture of a network whose inputs have these names, blocks below `depth` folded, edges from top to bottom
    (TB) or from left to right (LR). Raises RuleError where it would be too large, or the direction is neither."""
    if direction not in DIRECTIONS:
        raise RuleError(f"direction '{direction}' is not one of {', '.join(DIRECTIONS)}")
    return to_dot(wrapped(scene(run, inputs, name, depth), direction), direction)


def to_dot(picture: Scene, direction: str) -> str:
    """The whole scene."""
    return "\n".join(_lines(picture, direction)) + "\n"


def _lines(picture: Scene, direction: str) -> Iterator[str]:
    yield f"digraph {_quoted(picture.name)} {{"
    graph, node, edge = DEFAULTS
    yield f"  graph [rankdir={direction}, {graph}]"
    yield f"  node [{node}]"
    yield f"  edge [{edge}]"
    for member in picture.members:
        yield from _member(member, "  ")
    yield from _edges(picture)
    if picture.heads:
        heads = [_quoted(head) for head in picture.heads]
        yield f"  {{ rank=same; {' -> '.join(heads)} [style=invis, weight=0] }}"
    yield "}"


def _edges(picture: Scene) -> Iterator[str]:
    """The edges: an arrow where a tensor reaches its reader, straight where nothing else leaves or arrives."""
    tensors = {node.id for node in picture.nodes() if node.role == "tensor"}
    leaving = Counter(edge.tail for edge in picture.edges)
    arriving = Counter(edge.head for edge in picture.edges)
    for edge in picture.edges:
        attributes = [] if edge.head not in tensors else ["arrowhead=none"]
        if leaving[edge.tail] == arriving[edge.head] == 1:
            attributes.append("weight=4")
        end = f" [{', '.join(attributes)}]" if attributes else ""
        yield f"  {_quoted(edge.tail)} -> {_quoted(edge.head)}{end}"


def _member(member: Node | Cluster, indent: str) -> Iterator[str]:
    if isinstance(member, Node):
        yield indent + _node(member)
        return
    yield f"{indent}subgraph {_quoted('cluster_' + member.id)} {{"
    yield f'{indent}  graph [style="rounded,filled", fillcolor="{BLOCK}", color="{LINE}", margin=8, label=""]'
    for inner in member.members:
        yield from _member(inner, indent + "  ")
    yield indent + "}"


def _node(node: Node) -> str:
    if node.role in PLAIN:
        looks = f"label={_quoted(node.parts[0].words)}, {PLAIN[node.role]}"
    else:
        label = _stack(node.parts) if node.role == "layers" else _title(node.parts[0], framed=node.role == "block")
        looks = f"label=<{label}>, tooltip={_quoted(chr(10).join(map(_said, node.parts)))}"
    return f"{_quoted(node.id)} [{looks}]"


def _stack(parts: list[Part]) -> str:
    """Layers above each other."""
    rows = "".join(f"<tr>{_layer(part)}</tr>" for part in parts)
    return f'<table border="1" cellborder="0" cellspacing="0" cellpadding="3" color="{LINE}">{rows}</table>'


def _layer(part: Part) -> str:
    text = escape(part.words)
    if part.turns > 1:
        text += f' <font color="{ACCENT}"><b>x{part.turns}</b></font>'
    if part.family == "join":
        text = f'<font color="{LIGHT}"><b>{text}</b></font>'
    return f'<td bgcolor="{COLOURS.get(part.family, OTHER)}">{text}</td>'


def _title(part: Part, framed: bool) -> str:
    """A block's name, kind and costs; in a frame where the block is folded."""
    name = f"<b>{escape(part.words)}</b>"
    if part.turns > 1:
        name += f' <font point-size="13" color="{ACCENT}"><b>x{part.turns}</b></font>'
    kind = "" if part.detail in part.words else f"{part.detail}: "
    about = f'<font point-size="9" color="{GREY}">{escape(kind + _costs(part))}</font>'
    frame = f'border="2" style="rounded" bgcolor="{BLOCK}" cellpadding="4"' if framed else 'border="0" cellpadding="2"'
    return (
        f'<table {frame} cellborder="0" cellspacing="0" color="{LINE}">'
        f"<tr><td>{name}</td></tr><tr><td>{about}</td></tr></table>"
    )


def _said(part: Part) -> str:
    """A part's line in the tooltip."""
    times = f" x{part.turns}" if part.turns > 1 else ""
    return f"{part.name}{times}: {part.detail}; {_costs(part)}"


def _costs(part: Part) -> str:
    cost = part.cost
    counts = f"{si(int(cost.params))} params, {si(int(cost.macs))} MACs"
    return f"{counts} in all" if part.counts.runs != 1 else counts


def _quoted(text: str) -> str:
    """A quoted string of DOT, which knows no escape but that of the quote; labels and tooltips read backslashes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
