"""The points of a front on standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from archtool.explore.fronts.front import Front

FORMATS: Final = ("table", "json", "csv")


def print_points(front: Front, limit: int, told: Iterable[str]) -> None:
    """Print the first points as a table, on a terminal with colours and in its width, and what is `told` of them."""
    from archtool.render.front import plain, print_table

    if sys.stdout.isatty():
        from rich.console import Console

        print_table(front, Console(width=shutil.get_terminal_size().columns, highlight=False), limit, told)
    else:
        click.echo(plain(front, limit, told), nl=False)
