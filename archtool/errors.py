"""What goes wrong, as a person should read it.

Every error a user can cause derives from `ArchtoolError` and ends, on the command line, in its text on
standard error and exit code 2. Context is added on the way up: a rule gives the reason (`RuleError`), the
network the step and its block path, the reader the file, line and column (`SpecError`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

MOST_NAMES = 12  # that a message lists
ENDS_SHOWN = 6  # parts of a long block path that are shown, from either end


class Position(NamedTuple):
    """A place in a spec's text; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ArchtoolError(Exception):
    """The base of every error that a user's input can cause."""


class RuleError(ArchtoolError):
    """A rule of a layer or of the language is broken; says why, not yet where."""


class Untraceable(ArchtoolError):
    """A varying size stands where only a fixed one can; the design space must be split there.

    `varying` are the values that would have to be fixed, where the raiser knows them.
    """

    def __init__(self, reason: str, *varying: object) -> None:
        super().__init__(reason)
        self.varying = varying


class MissingExtra(ArchtoolError):
    """An optional dependency is not installed; the text says how to install it."""


def missing_extra(what: str, package: str, extra: str, error: ImportError) -> MissingExtra:
    """What to raise where a package can't be imported.

    >>> str(missing_extra("a sweep", "pyarrow", "sweep", ImportError("No module named 'pyarrow'")))
    "a sweep needs pyarrow (No module named 'pyarrow'): pip install 'archtool[sweep]'"
    """
    return MissingExtra(f"{what} needs {package} ({error}): pip install 'archtool[{extra}]'")


class SpecError(ArchtoolError):
    """A located error in a spec.

    `reason` is one line; `path` is the block path (`("layers[4]", "bottleneck", "add")`), outermost first;
    `hints` are further lines, shown indented below: the offending text, what to write instead.
    """

    def __init__(
        self,
        reason: str,
        position: Position | None = None,
        path: tuple[str, ...] = (),
        hints: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position
        self.path = path
        self.hints = hints

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        steps = (
            self.path
            if len(self.path) <= 2 * ENDS_SHOWN
            else (*self.path[:ENDS_SHOWN], "...", *self.path[-ENDS_SHOWN:])
        )
        path = " > ".join(steps) + ": " if steps else ""
        return "\n  ".join([f"{where}{path}{self.reason}", *self.hints])


def nearest(word: str, allowed: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """The end of a message about an unknown `word`: the nearest allowed one, or those to be shown (all of them).

    >>> nearest("covn", ["conv", "relu"])
    "; did you mean 'conv'?"
    """
    from difflib import get_close_matches

    allowed = list(allowed)
    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    names = sorted(set(allowed if shown is None else shown))
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"; allowed: {', '.join(names[:MOST_NAMES])}{more}"
