"""`archtool conventions`."""

from __future__ import annotations

import json
import shutil
import sys

import click


@click.command()
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True)
def command(name: str | None, form: str) -> None:
    """List the FLOP conventions, or tell all about one: NAME is one of them, or a YAML file of your own."""
    from archtool.analysis.operations.conventions import convention, shipped_conventions
    from archtool.render import conventions

    found = [convention(name)] if name else list(shipped_conventions())
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if form == "json":
        click.echo(json.dumps([each.to_dict() for each in found], indent=1))
    elif form == "markdown":
        click.echo(conventions.page(found), nl=False)
    else:
        shown = conventions.described(found[0], width) if name else conventions.listing(found, width)
        click.echo(shown, nl=False)
