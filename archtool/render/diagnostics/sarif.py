"""Diagnostics as SARIF 2.1.0 (OASIS 2020, Static Analysis Results Interchange Format), as code scanning reads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from archtool.claims.diagnostic import Diagnostic, Rule, Tool
from archtool.render.diagnostics.paths import relative

VERSION: Final = "2.1.0"
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(diagnostics: Sequence[Diagnostic], tool: Tool) -> str:
    """One run with all rules of the tool, and one result a diagnostic."""
    order = {rule.code: index for index, rule in enumerate(tool.rules)}
    driver: dict[str, Any] = {"name": tool.name, "version": tool.version, "semanticVersion": tool.version}
    if tool.uri:
        driver["informationUri"] = tool.uri
    driver["rules"] = [_rule(rule) for rule in tool.rules]
    met: Counter[str] = Counter()
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, order, met) for each in diagnostics],
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=1) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    help_text = rule.help or rule.about
    told: dict[str, Any] = {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.about},
        "fullDescription": {"text": rule.about},
        "help": {"text": help_text, "markdown": help_text},
        "defaultConfiguration": {"level": rule.level},
    }
    return told | ({"helpUri": rule.uri} if rule.uri else {})


def _result(each: Diagnostic, order: dict[str, int], met: Counter[str]) -> dict[str, Any]:
    region = {"startLine": each.line, "startColumn": each.column}
    told: dict[str, Any] = {
        "ruleId": each.rule,
        "level": each.level,
        "kind": "pass" if each.level == "none" else "fail",
        "message": {"text": each.told},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(each.file)}, "region": region}}],
        "partialFingerprints": {"archtool/v1": _fingerprint(each, met)},
    }
    if each.rule in order:
        told["ruleIndex"] = order[each.rule]
    return told | ({"properties": dict(each.facts)} if each.facts else {})


def _uri(file: str) -> str:
    """A relative reference, or a file's address where it lies elsewhere."""
    path = relative(file)
    return Path(path).as_uri() if Path(path).is_absolute() else quote(path, errors="surrogateescape")


def _fingerprint(each: Diagnostic, met: Counter[str]) -> str:
    """The same for the same finding after lines were put before it: what is said of which file, without figures, and
    how many times that was said before (`met`)."""
    said = "".join(character for character in each.message if not character.isdigit())
    words = "\0".join([each.rule, relative(each.file), said])
    found = sha256(words.encode(errors="surrogatepass")).hexdigest()[:32]
    met[found] += 1
    return f"{found}:{met[found]}"
