"""`archtool sweep`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from archtool.analysis.measures import METRICS
from archtool.cli._cluster import chosen_cluster, cluster_arguments
from archtool.cli._progress import watched
from archtool.cli._space import space_arguments, swept


def _metrics() -> str:
    told = (
        fill(f"{metric.unit}: {metric.about}", 78, initial_indent=f"  {name:18}", subsequent_indent=" " * 20)
        for name, metric in METRICS.items()
    )
    return "\b\nMetrics:\n" + "\n".join(told)


def _kept(path: Path | None, is_folder: bool) -> str:
    """What is kept of a sweep that was not ended in good order."""
    if path is None:
        return "the designs that are written are not all"
    if is_folder and path.exists():
        return f"the files in {path} are whole; --resume goes on with them"
    return f"{path} is as it was before" if path.exists() else "nothing is kept"


@click.command(epilog=_metrics())
@space_arguments()
@click.option(
    "-o", "--output", metavar="FILE",
    help="Where the designs go: .parquet, .csv or .duckdb, or - for CSV on standard output; without it, a table.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N designs alone.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--resume", is_flag=True, help="Go on with a file that is there.")
@cluster_arguments
@click.option("--quiet", is_flag=True, help="Neither progress nor a summary.")
def command(
    output: str | None,
    limit: int | None,
    force: bool,
    resume: bool,
    quiet: bool,
    scheduler: str | None,
    workers: int | None,
    collect: bool,
    resources: tuple[str, ...],
    part: int | None,
    **asked: Any,
) -> None:
    """Evaluate all designs of a space: millions a second, into a file or as a table.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs. What varies is
    said by the spec's `explore`, or by --over:

    \b
        archtool sweep resnet50 --over width=16..128:8 res=160,224 -o out.parquet

    Designs that break a rule are kept, with the rule; those for which a --where does not hold are left out. Ctrl-C
    leaves a file that --resume goes on with, and exit code 130. With --workers or --scheduler several processes, on as
    many machines as there are, write a folder of files together.
    """
    from archtool.explore.machines.spread import Spread
    from archtool.explore.storing import store
    from archtool.explore.storing.run import Ending, last_design
    from archtool.explore.storing.sinks import OutputError
    from archtool.render.sweep import rows, summary

    if (force or resume) and output in (None, "-"):
        raise click.UsageError(f"{'--force' if force else '--resume'} is for a file (-o designs.parquet)")
    if force and resume:
        raise click.UsageError("--force replaces the file, --resume goes on with it; give one of them")
    cluster = chosen_cluster(scheduler, workers, resources, collect, output)
    if part is not None and cluster is None:
        raise click.UsageError("--part is for several workers: --workers or --scheduler")
    sweep = swept(**asked)
    if output is None:
        table, ended = store.table(sweep, limit)
        click.echo(rows(table), nl=False)
        if not quiet:
            click.echo(summary(ended, sweep.where, split=sweep.split), err=True, nl=False)
        return
    total = last_design(sweep, limit)
    path = None if output == "-" else Path(output)
    notice = partial(click.echo, err=True)
    place: store.Stream | store.Store | Spread
    if path is None:
        place = store.Stream(sweep, sys.stdout.buffer)
    elif cluster is None:
        place = store.Store(sweep, path, force, resume, notice)
    else:
        place = Spread(sweep, path, cluster, force, resume, part=part, notice=notice)
    with watched(place.begun, total, quiet, partial(_kept, path, cluster is not None)) as stopping:
        ended = place.fill(limit, stopping)
    if not quiet:
        click.echo(summary(ended, sweep.where, path, sweep.split), err=True, nl=False)
    if ended.ending is Ending.DISK_FULL:
        raise OutputError(
            f"{ended.ending.value}: {path} holds {ended.tally.next:,} of {ended.size:,} designs; make room, and go on "
            "with --resume"
        )
    if ended.ending is Ending.INTERRUPTED:
        sys.exit(stopping.exit_code)
