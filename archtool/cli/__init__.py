"""The command line: one command a file, found by its presence here and imported when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NoReturn

import click

from archtool import __version__
from archtool.errors import ArchtoolError


class Commands(click.Group):
    """The commands in this folder; each module has one, named `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from archtool.errors import nearest

        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise click.UsageError(f"no such command '{args[0]}'" + nearest(args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # the reader of our output has gone; so should we, quietly (click would end with 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archtool")
def cli() -> None:
    """Analyse and design neural-network architectures from one description.

    Exit code 0: all is well; 1: a check failed; 2: the input is wrong.
    """


def main() -> NoReturn:
    """The `archtool` program."""
    if sys.stdout is None:  # closed by the caller: there is nowhere to answer
        sys.exit(2)
    try:
        cli.main(prog_name="archtool", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as ending:
        sys.exit(ending.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ArchtoolError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:  # a full disk behind standard output
        click.echo(f"can't write the output: {error.strerror}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    sys.exit(0)
