"""`archtool analyze`."""

from __future__ import annotations

import shutil
import sys

import click

from archtool.analysis.options import ACTS
from archtool.cli._options import chosen, spec_arguments


@click.command()
@spec_arguments
@click.option("--depth", type=click.IntRange(min=1), help="Show blocks below this level as one row.")
@click.option(
    "--sort", type=click.Choice(["params", "macs", "activations", "field"]), help="Single layers, the greatest first."
)
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@click.option("--dtype", default="float32", show_default=True, help="Of the bytes: float32, bfloat16, int8 ...")
@click.option(
    "--acts", type=click.Choice(ACTS), default=ACTS[0], show_default=True,
    help="Whose outputs are activations: every layer's, or those of convolutions and linear layers.",
)  # fmt: skip
@click.option(
    "--convention", metavar="NAME", help="What FLOPs are: a name (`archtool conventions` lists them) or a YAML file."
)
@click.option("--exact-padding", is_flag=True, help="Leave out the products of convolutions with padding.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "csv", "markdown"]), default="table", show_default=True
)
@click.option("--expect", is_flag=True, help="Check the totals that the spec states; exit code 1 where they differ.")
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    depth: int | None,
    sort: str | None,
    batch: int,
    dtype: str,
    acts: str,
    convention: str | None,
    exact_padding: bool,
    form: str,
    expect: bool,
) -> None:
    """Count a network's parameters, operations and activations, and find what each layer sees.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them).
    """
    asked = chosen(spec, design, knobs)
    if expect:
        from archtool.analysis.expect import check

        report = asked.analyze(batch=batch, dtype=dtype, acts=acts)
        checks = check(report)
        for each in checks:
            click.echo(f"{report.name}: {each}")
        if not checks:
            click.echo(f"{report.name}: the spec states no totals")
        sys.exit(0 if all(each.ok for each in checks) else 1)
    from archtool.render import table

    report = asked.analyze(batch=batch, dtype=dtype, acts=acts, convention=convention, exact_padding=exact_padding)
    if form == "json":
        click.echo(table.to_json(report, depth, sort), nl=False)
    elif form == "csv":
        click.echo(table.to_csv(report, depth, sort), nl=False)
    elif form == "markdown":
        click.echo(table.to_markdown(report, depth, sort), nl=False)
    elif sys.stdout.isatty():
        from rich.console import Console

        table.print_table(report, Console(width=shutil.get_terminal_size().columns, highlight=False), depth, sort)
    else:
        click.echo(table.plain_table(report, depth, sort), nl=False)
