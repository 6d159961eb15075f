"""`archtool front`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from archtool.cli._options import is_given
from archtool.cli._points import FORMATS, print_points
from archtool.errors import SpecError


@click.command()
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT")
@click.option("--minimize", metavar="NAME,NAME", default="", help="What is to be small; by default as the sweep says.")
@click.option("--maximize", metavar="NAME,NAME", default="", help="What is to be great; by default as the sweep says.")
@click.option(
    "--where", multiple=True, metavar="CONDITION", help="Only designs that meet this, as in 'params <= 5M'; may repeat."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show the first N points; a table has 20.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="A picture: .png, .svg or .pdf.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="A page with the picture and the points.")
@click.option(
    "--emit", type=click.IntRange(min=1), metavar="N", help="Print point N as a spec, in place of the points."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Write all designs of the front: .parquet, .csv or .duckdb.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
def command(
    result: Path,
    minimize: str,
    maximize: str,
    where: tuple[str, ...],
    limit: int | None,
    plot: Path | None,
    html: Path | None,
    emit: int | None,
    output: Path | None,
    force: bool,
    form: str,
) -> None:
    """Find the designs of a sweep that no other one beats in every objective at once: its Pareto front.

    RESULT is what `archtool sweep` has written: a Parquet, CSV or DuckDB file, or a folder of Parquet files. Points are
    numbered from 1, the best by the first objective first; designs with the same objectives are one point.
    """
    if emit is not None and (limit is not None or is_given("form")):
        raise SpecError(f"--emit prints a spec in place of the points, without {'--limit' if limit else '--format'}")
    from archtool.explore.asked import commas
    from archtool.explore.fronts.front import front, writable

    writable([path for path in (plot, html, output) if path is not None], force)
    found = front(result, minimize=commas(minimize), maximize=commas(maximize), where=where)
    spec = None if emit is None else found.emit(emit)
    if plot is not None:
        found.plot(plot)
    if html is not None:
        found.html(html)
    if output is not None:
        found.write(output)
    if spec is not None:
        click.echo(spec, nl=False)
        return
    from archtool.render.front import SHOWN, summary, to_csv, to_dict

    if form == "json":
        click.echo(json.dumps(to_dict(found, limit), indent=1))
    elif form == "csv":
        click.echo(to_csv(found, limit), nl=False)
    else:
        print_points(found, limit or SHOWN, summary(found, limit or SHOWN))
