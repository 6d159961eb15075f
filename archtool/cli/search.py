"""`archtool search`."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from archtool.cli._points import FORMATS, print_points
from archtool.cli._progress import watched
from archtool.cli._space import space_arguments, swept
from archtool.explore.search.measured import SCORES
from archtool.explore.search.request import ALGORITHMS


def _kept(storage: Path | None) -> str:
    """What is kept of a search that was not ended in good order."""
    if storage is None or not storage.exists():
        return "nothing is kept"
    return f"{storage} holds what was kept last; --resume goes on from there"


@click.command()
@space_arguments(is_drawn=False)
@click.option(
    "--budget", default="", metavar="BOUNDS", help='What every design found must keep: "macs<=600e6, params<=5M".'
)
@click.option(
    "--algorithm",
    type=click.Choice(["auto", *ALGORITHMS]),
    default="auto",
    show_default=True,
    help="How to search; auto evaluates all designs of a small space.",
)
@click.option(
    "--evaluations", type=click.IntRange(min=1), metavar="N", help="So many designs; 100,000, or 100 measured."
)
@click.option("--population", type=click.IntRange(min=2), metavar="N", help="Of a generation; 200, or 20 measured.")
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="PACKAGE.MODULE:FUNCTION",
    help="A function that takes a Design and returns a number, or several by name, to minimize or maximize.",
)
@click.option(
    "--score", metavar="NAME,NAME", default="", help=f"Training-free scores to maximize: {', '.join(SCORES)}."
)
@click.option("--score-batch", type=click.IntRange(min=2), default=16, show_default=True, help="Inputs of a score.")
@click.option("--score-draws", type=click.IntRange(min=1), default=1, show_default=True, help="Draws of a score.")
@click.option("--device", default="auto", show_default=True, help="Of scores: auto, cpu or cuda.")
@click.option(
    "--storage",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the search there: .npz, or of a measured one .journal or .db (SQLite).",
)
@click.option("--resume", is_flag=True, help="Go on with the search in --storage, if there is one.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all designs found within the budget: .parquet, .csv or .duckdb.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show the first N points; a table has 20.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
def command(
    budget: str,
    algorithm: str,
    evaluations: int | None,
    population: int | None,
    objectives: tuple[str, ...],
    score: str,
    score_batch: int,
    score_draws: int,
    device: str,
    storage: Path | None,
    resume: bool,
    output: Path | None,
    force: bool,
    limit: int | None,
    quiet: bool,
    form: str,
    seed: int,
    minimize: str | None,
    maximize: str | None,
    **asked: Any,
) -> None:  # fmt: skip
    """Search a space of designs for those that are best and within a budget.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs. What varies is
    said by the spec's `explore`, or by --over, as for `archtool sweep`:

    \b
        archtool search resnet_family --budget "macs<=600e6" --minimize params

    A small space is evaluated whole; a large one is searched by a genetic algorithm, tens of thousands of designs a
    second; where a function or a score has to be measured, trial by trial. The same --seed finds the same. Ctrl-C ends
    a search in good order, with exit code 130; with --storage, --resume goes on with it.
    """
    from archtool.explore.asked import commas
    from archtool.explore.search.measured import Scoring
    from archtool.explore.search.output import check_output
    from archtool.explore.search.request import request
    from archtool.explore.search.searching import search
    from archtool.render.front import SHOWN, to_csv
    from archtool.render.search import as_front, summary

    if asked["sample"] is not None:
        raise click.UsageError("a search draws its designs itself; --evaluations says how many")
    if resume and storage is None:
        raise click.UsageError("--resume goes on with a search that is kept; say where, with --storage")
    if resume and force:
        raise click.UsageError("--force begins anew, --resume goes on; give one of them")
    if output is not None:
        check_output(output, force or resume)
    if objectives:
        sys.path.insert(0, "")  # the user's modules stand in the working directory
    scoring = Scoring(batch=score_batch, draws=score_draws, seed=seed, device=device)
    wanted = request(
        swept(minimize=None, maximize=None, seed=seed, **asked),
        budget=budget, minimize=None if minimize is None else commas(minimize),
        maximize=None if maximize is None else commas(maximize), objectives=objectives, scores=commas(score),
        scoring=scoring, algorithm=algorithm, evaluations=evaluations, population=population, seed=seed,
    )  # fmt: skip
    with watched(0, wanted.evaluations, quiet, partial(_kept, storage)) as stopping:
        found = search(wanted, storage, resume=resume, force=force, watch=stopping)
    if found.is_complete:
        found.check()
    if output is not None:
        found.write(output)
    if form == "json":
        click.echo(json.dumps(found.to_dict(limit), indent=1))
    elif form == "csv":
        click.echo(to_csv(as_front(found), limit), nl=False)
    else:
        print_points(as_front(found), limit or SHOWN, summary(found, limit or SHOWN))
    if not found.is_complete:
        goes_on = f"; --storage {storage} --resume goes on from here" if storage is not None else ""
        click.echo(
            f"interrupted: {found.evaluations:,} of {wanted.evaluations:,} designs are evaluated{goes_on}", err=True
        )
        sys.exit(stopping.exit_code)
