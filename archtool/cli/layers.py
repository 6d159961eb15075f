"""`archtool layers`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("kind", required=False)
@click.option("--format", "form", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True)
def command(kind: str | None, form: str) -> None:
    """List the layer kinds, or tell all about one: its fields, their defaults, and examples worked out.

    A field with a question mark has a default.
    """
    from archtool.analysis.kinds import catalogue, entry_of
    from archtool.render import kinds

    entries = [entry_of(kind)] if kind else list(catalogue())
    if form == "json":
        click.echo(json.dumps([entry.to_dict() for entry in entries], indent=1))
    elif form == "markdown":
        click.echo(kinds.page(entries), nl=False)
    else:
        click.echo(kinds.described(entries[0]) if kind else kinds.listing(entries), nl=False)
