"""`archtool formula`."""

from __future__ import annotations

import json

import click

from archtool.cli._options import chosen, spec_arguments


@click.command()
@spec_arguments
@click.option(
    "--of", default="macs", show_default=True, metavar="METRIC",
    help="params, macs, flops, activations, memory, receptive_field, stride or output.",
)  # fmt: skip
@click.option(
    "--in",
    "symbols",
    metavar="NAMES",
    help="What is a symbol: vars, items of one (depths[0]), a loop's name, sizes of the input (c, h, w), each with "
    "a domain (kernel=odd 1..7) or an expression (res=32*m) behind it; by default the vars that are whole numbers.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(spec: str, design: str | None, knobs: tuple[str, ...], of: str, symbols: str | None, form: str) -> None:
    """Print what a network costs, sees or makes as a formula, by block and in total.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). What is printed is an expression of the spec language.
    """
    from archtool.algebra.reading import formula

    found = formula(chosen(spec, design, knobs), of, symbols)
    if form == "json":
        click.echo(json.dumps(found.to_dict(), indent=1))
        return
    from archtool.render.formula import text

    click.echo(text(found), nl=False)
