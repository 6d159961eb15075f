"""Which rules are looked for: all, or those that the command line, the spec or pyproject.toml select, less the ignored.

A rule is written by its code, by the beginning of one (`C`, `F20`) or by its name. Where one is both selected and
ignored, the longer of the two decides, and of the same length that it is ignored (as in ruff).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from archtool.claims.lint.rule import LintRule, rules
from archtool.errors import Position, SpecError, nearest
from archtool.spec.reader import MAX_SIZE, Document
from archtool.spec.spec import Spec

PYPROJECT: Final = "pyproject.toml"
TABLE: Final = "tool.archtool.lint"
SETTINGS: Final = ("select", "ignore", "per-file-ignores")
_COMMENT: Final = re.compile(r"(?:^|\s)#\s*lint:(.*)$")
_IGNORED: Final = re.compile(r"\s*ignore\s*\[([^\]]*)\]")

Failing = Callable[[str], NoReturn]


class Selection(NamedTuple):
    """Beginnings of codes: those selected (the empty one: all), and those ignored."""

    select: tuple[str, ...] = ("",)
    ignore: tuple[str, ...] = ()

    def takes(self, rule: LintRule) -> bool:
        """Whether a rule is looked for."""
        selected, ignored = _longest(self.select, rule.code), _longest(self.ignore, rule.code)
        return selected >= 0 and selected > ignored

    def asks_for(self, rule: LintRule) -> bool:
        """Whether a rule was selected by its code, or by its family's: a note of it fails the check then."""
        return _longest(self.select, rule.code) > 0

    def less(self, ignore: Iterable[str]) -> Selection:
        """The same selection without these."""
        return self._replace(ignore=(*self.ignore, *ignore))


def _longest(beginnings: Iterable[str], code: str) -> int:
    return max((len(each) for each in beginnings if code.startswith(each)), default=-1)


def selection(spec: Spec, file: Path | None, select: Iterable[str], ignore: Iterable[str]) -> Selection:
    """What is looked for in a spec: `select` of the command line, else of the spec, else of pyproject.toml; everything
    ignored by any of the three is.

    Raises SpecError for a rule that there is not, located where it is written.
    """
    stated = _stated(file) if file is not None else Selection()
    own = [[_read(spec.document, item) for item in items] for items in spec.lint]
    asked = [tuple(beginning(each, _failing_option) for each in each_of(items)) for items in (select, ignore)]
    chosen = asked[0] or tuple(own[0]) or stated.select
    return Selection(chosen, (*asked[1], *own[1], *stated.ignore))


def each_of(items: Iterable[str]) -> list[str]:
    """The rules of options, each of which may name several (C101,W)."""
    return [part.strip() for item in items for part in item.split(",") if part.strip()]


def beginning(written: str, fail: Failing) -> str:
    """The code, or the beginning of one, that is meant by a code, its beginning or a rule's name."""
    known = rules()
    code = next((rule.code for rule in known.values() if rule.name == written), written.upper())
    if not code or not any(each.startswith(code) for each in known):
        fail(f"'{written}' is no rule" + nearest(written, [*known, *(rule.name for rule in known.values())], known))
    return code


def _failing_option(reason: str) -> NoReturn:
    raise SpecError(reason)


def _read(document: Document, item: Any) -> str:
    def fail(reason: str) -> NoReturn:
        raise SpecError(reason, document.at(item))

    return beginning(item.text, fail)


# --- pyproject.toml ---------------------------------------------------------------------------------------------


def _stated(file: Path) -> Selection:
    """What the next pyproject.toml upwards that has a table for the linter says of a file."""
    for folder in file.resolve().parents:
        path = folder / PYPROJECT
        if path.is_file():
            found = _read_project(path, file.resolve())
            if found is not None:
                return found
    return Selection()


def _read_project(path: Path, file: Path) -> Selection | None:
    import tomllib

    try:
        data = path.read_bytes()
        if len(data) > MAX_SIZE:
            raise SpecError(f"larger than {MAX_SIZE:_} bytes", Position(str(path), 1, 1))
        text = data.decode()
        table: Any = tomllib.loads(text)
    except OSError as error:
        raise SpecError(f"can't read this file: {error.strerror or error}", Position(str(path), 1, 1)) from None
    except RecursionError:
        raise SpecError("nested too deeply", Position(str(path), 1, 1)) from None
    except ValueError as error:  # no UTF-8, no TOML, a date that is none
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = map(int, place.groups()) if place else (1, 1)
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise SpecError(f"this is no TOML: {reason}", Position(str(path), line, column)) from None
    for name in TABLE.split("."):
        table = table.get(name) if isinstance(table, dict) else None
        if table is None:
            return None
    return _Project(path, text).selection(table, file)


class _Project:
    """Reads the linter's table of one pyproject.toml; errors name the line that has the word."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()

    def fail(self, reason: str, word: str) -> NoReturn:
        """An error where a word stands first, below the table's head if it is there."""
        head = next((i for i, line in enumerate(self.lines) if f"[{TABLE}" in line.replace(" ", "")), 0)
        for index in (*range(head, len(self.lines)), *range(head)):
            column = self.lines[index].find(word)
            if column >= 0:
                raise SpecError(reason, Position(str(self.path), index + 1, column + 1))
        raise SpecError(reason, Position(str(self.path), head + 1, 1))

    def selection(self, table: Any, file: Path) -> Selection:
        """What the table says of a file."""
        if not isinstance(table, dict):
            self.fail(f"'{TABLE}' must be a table", "lint")
        for name in table:
            if name not in SETTINGS:
                self.fail(f"'{TABLE}' has no '{name}'" + nearest(name, SETTINGS), name)
        select = self.codes(table["select"], "select") if "select" in table else ("",)
        ignore = self.codes(table.get("ignore", []), "ignore")
        by_file = table.get("per-file-ignores", {})
        if not isinstance(by_file, dict):
            self.fail("'per-file-ignores' must be a table from a pattern to a list of rules", "per-file-ignores")
        for pattern, items in by_file.items():
            codes = self.codes(items, pattern)
            if _matches(file, pattern, self.path.parent.resolve()):
                ignore = (*ignore, *codes)
        return Selection(select, ignore)

    def codes(self, items: Any, name: str) -> tuple[str, ...]:
        """A list of rules."""
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            self.fail(f'\'{name}\' is a list of rules, like ["C101", "W"]', name)
        return tuple([beginning(item, lambda reason, item=item: self.fail(reason, item)) for item in items])  # type: ignore[misc]  # it never returns


def _matches(file: Path, pattern: str, folder: Path) -> bool:
    """Whether a pattern means a file: by its path below pyproject.toml's folder, or by its name."""
    below = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.as_posix()
    return fnmatch(below, pattern) or fnmatch(file.name, pattern)


# --- comments ---------------------------------------------------------------------------------------------------


def ignored_lines(document: Document) -> dict[int, Selection]:
    """What the comments `# lint: ignore[C101]` of a spec ignore, by their lines; raises SpecError for a bad one."""
    found: dict[int, Selection] = {}
    if "lint:" not in document.text:
        return found
    source = document.source
    for line in range(1, source.position(len(source.text)).line + 1):
        comment = _COMMENT.search(source.raw_line(line))
        if comment is None:
            continue
        place = Position(document.name, line, comment.start(1) + 1)

        def fail(reason: str, place: Position = place) -> NoReturn:
            raise SpecError(reason, place)

        written = _IGNORED.match(comment[1])
        codes = each_of([written[1]]) if written else []
        if not codes:
            fail("a comment for the linter names rules, as in '# lint: ignore[C101]'")
        found[line] = Selection(tuple(beginning(code, fail) for code in codes))
    return found
