"""`archtool zoo`."""

from __future__ import annotations

import json
import shutil
import sys

import click


@click.command()
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(form: str) -> None:
    """List the shipped specs with their source, params and MACs.

    Each name can be given to the other commands; a name that several files have (direct) needs the file's:
    `archtool analyze bottleneck --design direct`. "met" says that the totals are those that the spec states.
    """
    from archtool.analysis.catalog import shipped

    rows = list(shipped())
    if form == "json":
        click.echo(json.dumps([row.to_dict() for row in rows], indent=1))
    else:
        from archtool.render.zoo import listing

        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(listing(rows, width), nl=False)
