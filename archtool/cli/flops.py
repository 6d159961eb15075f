"""`archtool flops`."""

from __future__ import annotations

import json
import shutil
import sys

import click

from archtool.analysis.modes import MODES
from archtool.cli._options import chosen, spec_arguments


@click.command()
@spec_arguments
@click.option("--explain", is_flag=True, help="Reconcile them: a row a term, a column a convention.")
@click.option(
    "--only", metavar="NAMES", default="", help="These conventions alone, separated by commas; a YAML file is one too."
)
@click.option(
    "--mode", type=click.Choice(MODES), default="inference", show_default=True,
    help="The forward pass, or forward and backward by term.",
)  # fmt: skip
@click.option("--exact-padding", is_flag=True, help="Leave out the products of convolutions with padding.")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    explain: bool,
    only: str,
    mode: str,
    exact_padding: bool,
    batch: int,
    form: str,
) -> None:
    """Count a network's FLOPs as several counters do, and say why they differ.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). `archtool conventions` lists the conventions.
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    found = chosen(spec, design, knobs).flops(*names, mode=mode, exact_padding=exact_padding, batch=batch)
    if form == "json":
        click.echo(json.dumps(found.to_dict(), indent=1))
        return
    from archtool.render import flops

    if form == "csv":
        click.echo(flops.to_csv(found), nl=False)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(flops.text(found, explain, width), nl=False)
