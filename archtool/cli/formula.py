"""`archtool formula`."""

from __future__ import annotations

import json
from typing import Any

import click

from archtool.analysis.options import ACTS
from archtool.cli._options import chosen, is_given, spec_arguments
from archtool.errors import SpecError


@click.command()
@spec_arguments
@click.option(
    "--of", default="macs", show_default=True, metavar="METRIC",
    help="params, macs, flops, activations, memory, receptive_field, stride or output.",
)  # fmt: skip
@click.option(
    "--in",
    "symbols",
    multiple=True,
    metavar="NAMES",
    help="What is a symbol: vars, items of one (depths[0]), a loop's name, sizes of the input (c, h, w), each with "
    "a domain (kernel=odd 1..7) or an expression (res=32*m) behind it; by default the vars that are whole numbers.",
)
@click.option("--block", metavar="NAME", help="Of a block of the spec by itself.")
@click.option("--ratio", nargs=2, metavar="A B", help="The quotient of two: designs or blocks of the spec, or shipped.")
@click.option("--crossover", nargs=2, metavar="A B", help="Where two cost the same, along --for.")
@click.option("--solve", metavar="CONDITION", help="The values of --for that keep it: 'macs <= 300e6'.")
@click.option("--for", "name", metavar="NAME", help="The symbol that --solve and --crossover are about.")
@click.option("--limit", metavar="NAME=oo", help="What it comes to as a symbol grows without end.")
@click.option("--derivative", metavar="NAME", help="How fast it grows with a symbol.")
@click.option("--latex", is_flag=True, help="The total as LaTeX alone.")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@click.option("--acts", type=click.Choice(ACTS), default="all", show_default=True, help="Whose outputs count.")
@click.option("--convention", metavar="NAME", help="What FLOPs are: a name or a YAML file, as for `analyze`.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    of: str,
    symbols: tuple[str, ...],
    block: str | None,
    ratio: tuple[str, str] | None,
    crossover: tuple[str, str] | None,
    solve: str | None,
    name: str | None,
    limit: str | None,
    derivative: str | None,
    latex: bool,
    form: str,
    **options: Any,
) -> None:
    """Print what a network costs, sees or makes as a formula, by block and in total.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). What is printed is exact, and an expression of the spec language.
    """
    asked = [word for word, value in (("ratio", ratio), ("crossover", crossover), ("solve", solve)) if value]
    if len(asked) > 1:
        raise SpecError(f"--{asked[0]} or --{asked[1]}, one at a time")
    if (solve or crossover) and not name:
        raise SpecError(f"--{asked[0]} needs --for NAME, the symbol that it is solved for")
    if name and not (solve or crossover):
        raise SpecError("--for goes with --solve or --crossover")
    if (solve or crossover) and (limit or derivative or latex):
        raise SpecError("--limit, --derivative and --latex are of a formula, or of --ratio")
    if limit and derivative:
        raise SpecError("--limit or --derivative, one at a time")
    if block and (ratio or crossover):
        raise SpecError(f"--{asked[0]} names its two itself, without --block")
    if solve and is_given("of"):
        raise SpecError("--solve names its metrics in the condition, without --of")
    if latex and is_given("form"):
        raise SpecError("--latex prints LaTeX, without --format")
    from archtool.algebra import change, comparison, inequality, reading
    from archtool.render import formula as written

    base = chosen(spec, design, knobs)
    names = ", ".join(symbols) or None
    found: Any
    if solve and name:
        found = inequality.solve(base, solve, name, names, block=block, **options)
    elif crossover and name:
        found = comparison.crossover(comparison.compared(base, *crossover, of, names, **options), name)
    elif ratio:
        found = comparison.compared(base, *ratio, of, names, **options)
    else:
        found = reading.formula(base, of, names, block=block, **options)
    if limit:
        found = change.limit(found, limit)
    elif derivative:
        found = change.derivative(found, derivative)
    if latex:
        click.echo(written.latex(found), nl=False)
    elif form == "json":
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        click.echo(written.text(found), nl=False)
