"""Arguments and options that several commands share, and the design that they choose."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from archtool.design import Design, load
from archtool.errors import SpecError


def spec_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """SPEC, --set and --design."""
    command = click.option("--design", metavar="NAME", help="A design of the spec, in place of its default.")(command)
    command = click.option(
        "--set", "knobs", multiple=True, metavar="NAME=VALUE", help="Override a var of the spec; may be given again."
    )(command)
    return click.argument("spec", metavar="SPEC")(command)


def is_given(option: str) -> bool:
    """Whether the command that runs was given an option (by its name as a parameter), the default's value too."""
    source = click.get_current_context().get_parameter_source(option)
    return source not in (None, ParameterSource.DEFAULT)


def chosen(spec: str, design: str | None, knobs: tuple[str, ...]) -> Design:
    """The design that SPEC (a file, `-`, or a shipped name), --design and --set choose; raises SpecError."""
    values: dict[str, object] = {}
    for knob in knobs:
        name, equals, value = knob.partition("=")
        if not equals or not name.strip():
            raise SpecError(f"--set takes NAME=VALUE, not '{knob}'")
        values[name.strip()] = value
    if spec == "-":
        from archtool.spec.reader import read_bytes

        return Design(read_bytes(sys.stdin.buffer.read(), "<stdin>"), design, values)
    return load(spec, design, **values)
