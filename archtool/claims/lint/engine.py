"""A spec linted: every selected rule, over all its designs; what several designs or places share is said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.claims.diagnostic import LEVELS, Diagnostic
from archtool.claims.lint.net import Net
from archtool.claims.lint.rule import Fix, Hit, LintRule, percent, rules
from archtool.claims.lint.selection import Selection, ignored_lines, selection
from archtool.claims.lint.sheet import Sheet
from archtool.design import Design
from archtool.errors import SpecError, nearest
from archtool.spec.reader import Document, Mapping, Node, Sequence
from archtool.spec.spec import Spec
from archtool.units import si

MOST_PLACES: Final = 2  # layers that a finding names before it only counts them
MOST_DESIGNS: Final = 3
WORDS: Final = {"params": "params", "macs": "MACs", "elements": "elements", "operations": "operations"}


class Found(NamedTuple):
    """A finding, its rule, whether the rule was asked for by name, and its fix where there is a safe one."""

    diagnostic: Diagnostic
    rule: LintRule
    is_asked_for: bool
    fix: Fix | None

    @property
    def fails(self) -> bool:
        """Whether it fails the check: a note does where its rule was asked for."""
        return self.diagnostic.fails or self.is_asked_for


class Asked(NamedTuple):
    """A spec to be linted: its document, the folder that it includes others from, its file where it is one; the
    designs' names (None: the spec itself), and the names of `all` that it has."""

    document: Document
    folder: Path | None
    file: Path | None
    designs: tuple[str | None, ...]
    all: tuple[str | None, ...]


@dataclass
class _Group:
    """What a rule says of one node, in one design or in several."""

    rule: LintRule
    document: Document
    hits: list[Hit] = field(default_factory=list)
    designs: list[str] = field(default_factory=list)
    totals: dict[str, tuple[int, int]] = field(default_factory=dict)  # waste by its word, and that of the whole network
    is_everywhere: bool = True  # all layers of the node are hit, in every design


def asked(document: Document, folder: Path | None, file: Path | None, design: str | None = None) -> Asked:
    """All designs of a spec, or the one of that name; raises SpecError where there is none."""
    spec = Spec(document, None, folder)
    if design is not None and design not in spec.designs:
        raise SpecError(f"'{document.name}' has no design '{design}'" + nearest(design, spec.designs))
    itself = (None,) if spec.has_layers and spec.name not in spec.designs else ()
    every = (*itself, *spec.designs)
    return Asked(document, folder, file, every if design is None else (design,), every)


def lint(spec: Asked, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> list[Found]:
    """Everything that the selected rules find, in the order of the text; see `selection`.

    Raises SpecError for a spec or a selection that is wrong.
    """
    designs = [Design(spec.document, name, folder=spec.folder) for name in spec.designs]
    chosen = selection(designs[0].spec, spec.file, select, ignore)
    taken = [rule for rule in rules().values() if chosen.takes(rule)]
    groups: dict[tuple[str, _Place], _Group] = {}
    for design in designs:
        _look(design, taken, groups)
    sheet = Sheet(spec.document, tuple(Spec(spec.document, name, spec.folder) for name in spec.all))
    for rule in taken:
        for hit in rule.spec(sheet) if rule.spec is not None else ():
            groups[rule.code, _place(spec.document, hit.node)] = _Group(rule, spec.document, [hit])
    comments: dict[str, dict[int, Selection]] = {}
    found = []
    for group in groups.values():
        name = group.document.name
        if name not in comments:
            comments[name] = ignored_lines(group.document)
        ignored = comments[name].get(group.hits[0].node.line)
        if ignored is None or not ignored.takes(group.rule):
            found.append(_found(group, len(designs), chosen.asks_for(group.rule)))
    return sorted(found, key=lambda each: (each.diagnostic.file, each.diagnostic.line, each.diagnostic.column))


_Place = tuple[str, int, int]  # nodes of included specs are read anew for each design, their places stay


def _place(document: Document, node: Node) -> _Place:
    return document.name, node.line, node.column


def _look(design: Design, taken: list[LintRule], groups: dict[tuple[str, _Place], _Group]) -> None:
    """What the rules find in one design, added to the groups."""
    net = Net(design)
    documents = _Documents(design.spec)
    layers = Counter(documents.place(layer.node) for layer in net.layers if layer.node is not None)
    for rule in taken:
        met: dict[_Place, list[Hit]] = {}
        for hit in rule.network(net) if rule.network is not None else ():
            met.setdefault(documents.place(hit.node), []).append(hit)
        for place, hits in met.items():
            group = groups.setdefault((rule.code, place), _Group(rule, documents.of(hits[0].node)))
            if not group.designs:
                group.hits, group.totals = hits, _totals(net, hits)
            group.designs.append(design.name)
            group.is_everywhere &= len(hits) == layers[place]
    for (_, place), group in groups.items():  # a step that this design has and the rule passes over here
        group.is_everywhere &= group.designs[-1:] == [design.name] or not layers[place]


class _Documents:
    """Which document a node is of: the spec's own, or one that it includes."""

    def __init__(self, spec: Spec) -> None:
        self.own = spec.document
        self.others = {
            id(node): each.document for each in spec.included.values() for node in _nodes(each.document.root)
        }

    def of(self, node: Node) -> Document:
        return self.others.get(id(node), self.own)

    def place(self, node: Node) -> _Place:
        return _place(self.of(node), node)


def _nodes(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Sequence):
            waiting += node.items
        elif isinstance(node, Mapping):
            waiting += [each for pair in node.entries.values() for each in pair]


def _totals(net: Net, hits: list[Hit]) -> dict[str, tuple[int, int]]:
    """What the hits waste together, beside the same of the whole network (0: not told)."""
    whole_net = {"params": net.params, "macs": net.macs, "elements": net.elements}
    totals: dict[str, int] = {}
    for hit in hits:
        times = whole(hit.layer.times) if hit.layer is not None else 1
        for word, amount in hit.waste.items():
            totals[word] = totals.get(word, 0) + amount * times
    return {word: (total, whole_net.get(word, 0)) for word, total in totals.items() if total}


def _found(group: _Group, designs: int, is_asked_for: bool) -> Found:
    rule, first = group.rule, group.hits[0]
    level = min((hit.level or rule.level for hit in group.hits), key=LEVELS.index)
    lines = [first.text, *_here(group), *_of(group.designs, designs)]
    fix = first.fix(group.document) if first.fix is not None and group.is_everywhere else None
    place = first.node
    told = Diagnostic(
        rule.code,
        level,
        "\n".join(lines),
        group.document.name,
        place.line,
        place.column,
        first.help or rule.advice,
        facts={
            "name": rule.name,
            "layers": _count(group.hits),
            "at": [hit.layer.name for hit in group.hits if hit.layer is not None][: MOST_PLACES + 1],
            "designs": list(group.designs),
            "fixable": fix is not None,
            **{word: total for word, (total, _) in group.totals.items()},
        },
    )
    return Found(told, rule, is_asked_for, fix)


def _count(hits: list[Hit]) -> int:
    return sum(whole(hit.layer.times) for hit in hits if hit.layer is not None)


def _here(group: _Group) -> list[str]:
    """Where it stands, and what it costs there."""
    layers = [hit.layer for hit in group.hits if hit.layer is not None]
    if not layers:
        return []
    names = [layer.name for layer in layers[:MOST_PLACES]]
    more = _count(group.hits) - sum(whole(layer.times) for layer in layers[:MOST_PLACES])
    where = ", ".join(names) + (f" and {more:,} more" if more else "")
    costs = [_cost(word, *amounts) for word, amounts in group.totals.items()]
    return [f"at {where}" + (f"; {', '.join(costs)}" if costs else "")]


def _cost(word: str, total: int, of: int) -> str:
    share = f" ({percent(total, of)} of all)" if of else ""
    return f"{si(total)} {WORDS[word]}{share}"


def _of(names: list[str], designs: int) -> list[str]:
    """In which designs, where the spec has several."""
    if designs < 2 or not names:
        return []
    if len(names) == designs:
        return [f"in all {designs} designs; figures of {names[0]}"]
    more = f" and {len(names) - MOST_DESIGNS} more" if len(names) > MOST_DESIGNS else ""
    return [f"in {', '.join(names[:MOST_DESIGNS])}{more}" + (f"; figures of {names[0]}" if len(names) > 1 else "")]
