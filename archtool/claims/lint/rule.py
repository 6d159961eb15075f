"""A rule of the linter: one function in one place, found by its presence in `claims/lint/rules/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.claims.diagnostic import Rule
from archtool.flatten import FlatLayer
from archtool.spec.reader import Document, Node

if TYPE_CHECKING:
    from archtool.claims.lint.net import Net
    from archtool.claims.lint.sheet import Sheet


class Edit(NamedTuple):
    """Characters of a spec's text, from the offset `start` up to, without, `end`, replaced by a text."""

    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """What makes a finding go away and changes nothing else: `does` says what, by an edit of the spec's text."""

    does: str
    edit: Edit


class Hit(NamedTuple):
    """A finding at one layer of a network (or at a node of the spec alone, where there is no layer).

    `text` says what is wrong with it; `level` is the rule's own where it is empty. `waste` is what one such layer costs
    without use: params, macs, operations or elements. `fix` is safe where all layers of the node are hit.
    """

    node: Node
    text: str
    layer: FlatLayer | None = None
    level: str = ""
    waste: Mapping[str, int] = MappingProxyType({})
    help: str = ""
    fix: Callable[[Document], Fix | None] | None = None


def at(layer: FlatLayer, text: str, **parts: Any) -> Hit:
    """A finding at a layer."""
    assert layer.node is not None
    return Hit(layer.node, text, layer, **parts)


def percent(part: int | float, of: int | float) -> str:
    """A share in two digits.

    >>> percent(1, 3), percent(999, 1000), percent(1, 2000)
    ('33%', '100%', '0.05%')
    """
    share = 100 * part / of
    return f"{share:.0f}%" if share >= 10 else f"{share:.2g}%"


class LintRule(NamedTuple):
    """A rule: `code` and `name`, its `level`, one sentence `about` it, what to do (`advice`), the `source` of that.

    `network` looks at one design, `spec` at a whole spec with all its designs; a rule has one of them.
    """

    code: str
    name: str
    level: str
    about: str
    advice: str
    source: str
    network: Callable[[Net], Iterator[Hit]] | None = None
    spec: Callable[[Sheet], Iterator[Hit]] | None = None

    @property
    def told(self) -> Rule:
        """The rule as reports tell of it."""
        return Rule(self.code, self.name, self.about, self.level, f"{self.advice}\n\nSource: {self.source}")


_RULES: dict[str, LintRule] = {}


def network_rule(
    code: str, name: str, level: str, *, about: str, advice: str, source: str
) -> Callable[[Callable[[Net], Iterator[Hit]]], Callable[[Net], Iterator[Hit]]]:
    """Register a function that looks at one design."""

    def register(check: Callable[[Net], Iterator[Hit]]) -> Callable[[Net], Iterator[Hit]]:
        _register(LintRule(code, name, level, about, advice, source, network=check))
        return check

    return register


def spec_rule(
    code: str, name: str, level: str, *, about: str, advice: str, source: str
) -> Callable[[Callable[[Sheet], Iterator[Hit]]], Callable[[Sheet], Iterator[Hit]]]:
    """Register a function that looks at a whole spec."""

    def register(check: Callable[[Sheet], Iterator[Hit]]) -> Callable[[Sheet], Iterator[Hit]]:
        _register(LintRule(code, name, level, about, advice, source, spec=check))
        return check

    return register


def _register(rule: LintRule) -> None:
    if rule.code in _RULES or rule.name in {other.name for other in _RULES.values()}:
        raise ValueError(f"the rule {rule.code} ({rule.name}) is registered twice")
    _RULES[rule.code] = rule


@cache
def rules() -> Mapping[str, LintRule]:
    """Every rule by its code, in order."""
    package = import_module("archtool.claims.lint.rules")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return MappingProxyType(dict(sorted(_RULES.items())))
