"""Options that say on which machines designs are evaluated, and the cluster that they choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from archtool.errors import ArchtoolError
from archtool.explore.machines.cluster import Cluster, ClusterError

FILES: Final = (".csv", ".duckdb", ".db")  # that one process writes

_OPTIONS = (
    click.option(
        "--workers", type=click.IntRange(1, 1024), metavar="N",
        help="Evaluate in N processes of this machine; -o is then a folder of Parquet files.",
    ),
    click.option(
        "--scheduler", metavar="ADDRESS",
        help="Evaluate on the workers of a scheduler of dask, tcp://host:8786 or the JSON file that it has written; -o "
        "is then a folder of Parquet files, on a file system that the workers share.",
    ),
    click.option("--collect", is_flag=True, help="With --scheduler: workers don't see the folder, it is written here."),
    click.option(
        "--resource", "resources", multiple=True, metavar="NAME=N",
        help="With --scheduler: what a worker has to have free for a part, like GPU=1.",
    ),
    click.option(
        "--part", type=click.IntRange(min=1), metavar="N", help="Designs of a task, and of a file, of several workers.",
    ),
)  # fmt: skip


def cluster_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of `chosen_cluster`, and --part."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_cluster(
    scheduler: str | None, workers: int | None, resources: tuple[str, ...], collect: bool, output: str | None
) -> Cluster | None:
    """The cluster that the options choose, None where they choose none; raises ArchtoolError or UsageError."""
    if scheduler is not None and workers is not None:
        raise click.UsageError("--workers is for processes of this machine, --scheduler for those that are there")
    if scheduler is None and (collect or resources):
        raise click.UsageError(f"{'--collect' if collect else '--resource'} is for the workers of a --scheduler")
    if scheduler is None and workers is None:
        return None
    if output in (None, "-"):
        raise click.UsageError("several workers write a folder; name it with -o")
    suffix = Path(output or "").suffix
    if suffix in FILES:
        raise ClusterError(
            f"{output}: several workers write a folder of Parquet files, not one file of '{suffix}'; name a folder, "
            "which is read as one table"
        )
    return Cluster(scheduler=scheduler, workers=workers or 1, resources=_amounts(resources), collect=collect)


def _amounts(resources: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in resources:
        name, _, amount = text.partition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            raise ArchtoolError(f"--resource takes NAME=N, like GPU=1, not '{text}'") from None
    return found
