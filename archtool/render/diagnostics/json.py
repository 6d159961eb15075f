"""Diagnostics as JSON, for programs of one's own."""

from __future__ import annotations

import json as standard
from collections.abc import Sequence

from archtool.claims.diagnostic import Diagnostic, Tool


def json(diagnostics: Sequence[Diagnostic], tool: Tool) -> str:
    """An object with the tool and one entry a diagnostic; keys are stable."""
    found = [{**each._asdict(), "facts": dict(each.facts)} for each in diagnostics]
    return standard.dumps({"tool": tool.name, "version": tool.version, "diagnostics": found}, indent=1) + "\n"
