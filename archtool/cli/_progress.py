"""A progress bar on standard error, where that is a terminal, and the end that Ctrl-C puts to what it shows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from signal import SIGINT
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Task

    from archtool.explore.storing.stopping import Stopping


@contextmanager
def watched(begun: int, total: int, quiet: bool, kept: Callable[[], str]) -> Iterator[Stopping]:
    """Within, what it gives is told how many of `total` designs are evaluated, `begun` of them before, and ends that in
    good order at the first Ctrl-C. The second one ends the program, which then says what is `kept`."""
    from archtool.explore.storing.stopping import SHELL, stoppable

    try:
        with _progress(begun, total, quiet) as tell, stoppable(tell) as stopping:
            yield stopping
    except KeyboardInterrupt:
        click.echo(f"interrupted at once: {kept()}", err=True)
        sys.exit(SHELL + SIGINT)


@contextmanager
def _progress(begun: int, total: int, quiet: bool) -> Iterator[Callable[[int, str], object]]:
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """So many a second."""

        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f}/s")

    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,}"), Rate(),
        TimeRemainingColumn(compact=True),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("designs", total=total, completed=begun)
        yield lambda done, what: bar.update(task, completed=done, description=what)
