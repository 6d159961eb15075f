"""Diagnostics as the JUnit XML that CI servers read: one test case a diagnostic, and one a file that has none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from archtool.claims.diagnostic import Diagnostic, Tool
from archtool.render.diagnostics.paths import relative

_REFUSED: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no characters of XML 1.0


def junit(diagnostics: Sequence[Diagnostic], tool: Tool, checked: Sequence[str] = ()) -> str:
    """One suite a file, in the order of `checked` (files with nothing to say pass), then of the diagnostics.

    What fails the check is a failure; a note is a case that passes and says something.
    """
    files: dict[str, list[Diagnostic]] = {file: [] for file in checked}
    for each in diagnostics:
        files.setdefault(each.file, []).append(each)
    suites = [_suite(relative(file), found, tool) for file, found in files.items()]
    root = Element("testsuites", {"name": tool.name, **_totals(list(diagnostics), sum(map(len, suites)))})
    root.extend(suites)
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, "unicode") + "\n"


def _suite(file: str, found: list[Diagnostic], tool: Tool) -> Element:
    suite = Element("testsuite", {"name": _clean(file), **_totals(found, max(1, len(found)))})
    if not found:
        SubElement(suite, "testcase", {"classname": _clean(file), "name": tool.name, "file": _clean(file)})
    for each in found:
        place = {"file": _clean(file), "line": str(each.line)}
        name = each.title or f"{each.rule} {each.line}:{each.column}"
        case = SubElement(suite, "testcase", {"classname": _clean(file), "name": _clean(name), **place})
        said = _clean(f"{file}:{each.line}:{each.column}\n{each.told}")
        if each.fails:
            first = _clean(each.message.splitlines()[0] if each.message else each.rule)
            SubElement(case, "failure", {"type": each.rule, "message": first}).text = said
        elif each.message:
            SubElement(case, "system-out").text = said
    return suite


def _totals(found: list[Diagnostic], cases: int) -> dict[str, str]:
    failures = sum(each.fails for each in found)
    return {"tests": str(cases), "failures": str(failures), "errors": "0", "skipped": "0"}


def _clean(text: str) -> str:
    return _REFUSED.sub("\ufffd", text)
