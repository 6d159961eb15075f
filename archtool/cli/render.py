"""`archtool render`."""

from __future__ import annotations

from pathlib import Path

import click

from archtool.cli._options import chosen, spec_arguments
from archtool.render.dot import DIRECTIONS
from archtool.render.scene import LEGIBLE


@click.command()
@spec_arguments
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="The picture; its suffix says the format: .svg, .png, .pdf or .dot.",
)  # fmt: skip
@click.option(
    "--depth", type=click.IntRange(min=1),
    help=f"Draw blocks below this level as one node. Without it, as deep as {LEGIBLE} layers and blocks allow.",
)  # fmt: skip
@click.option(
    "--direction", type=click.Choice(DIRECTIONS), default="TB", show_default=True,
    help="From top to bottom or from left to right.",
)  # fmt: skip
def command(
    spec: str, design: str | None, knobs: tuple[str, ...], output: Path, depth: int | None, direction: str
) -> None:
    """Draw a network: its blocks as nested boxes, a repeat once with the number of its turns, shapes on the edges.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). A long picture is wrapped into columns; equal numbers in circles say where it
    goes on.
    """
    chosen(spec, design, knobs).render(output, depth, direction)
