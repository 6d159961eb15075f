"""`archtool zoo`."""

from __future__ import annotations

import json
import shutil
import sys

import click


@click.command()
@click.argument("names", nargs=-1)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--verify", "verify", is_flag=True, help="Hold each against torch too; exit code 1 where anything differs."
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "meta"]), default="auto", show_default=True,
    help="Where to verify; meta counts only, and does not measure what layers see.",
)  # fmt: skip
def command(names: tuple[str, ...], form: str, verify: bool, device: str) -> None:
    """List the shipped specs with their source, params and MACs; or only those of these NAMES.

    Each name can be given to the other commands; a name that several files have (direct) needs the file's:
    `archtool analyze bottleneck --design direct`. "met" says that the totals are those that the spec states.
    """
    from archtool.analysis.catalog import shipped, shipped_designs
    from archtool.render import zoo

    designs = shipped_designs(names)
    if verify:
        from archtool.realize.zoo import verified

        rows = verified(designs, device)
        if sys.stderr.isatty():
            with click.progressbar(rows, len(designs), "verifying", file=sys.stderr) as progress:
                found = list(progress)
        else:
            found = list(rows)
        if form == "json":
            click.echo(json.dumps([row.to_dict() for row in found], indent=1))
        else:
            click.echo(zoo.verification(found), nl=False)
        sys.exit(0 if all(row.ok for row in found) else 1)
    listed = list(shipped(designs))
    if form == "json":
        click.echo(json.dumps([row.to_dict() for row in listed], indent=1))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(zoo.listing(listed, width), nl=False)
