"""What is to be explored: the `explore` of a spec, and what a command line or a Python call says in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from archtool.errors import RuleError, SpecError, nearest
from archtool.explore.space import Axis, Knob, Sample, Space
from archtool.spec.domains import KNOB, MOST_ITEMS, Forms, Range, parse_range
from archtool.spec.reader import Document, Node, Scalar, read_text
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.reader import Sequence as SequenceNode
from archtool.spec.spec import Spec, python_value
from archtool.trace import INT64

MOST_LISTED: Final = 1_000_000  # values that a list names
NO_NUMBER: Final = "'{}' of a sample is a whole number of at least {} and below 2**63"


class Asked(NamedTuple):
    """A space; as texts, the conditions that its designs have to meet, what is to be small, and what great."""

    space: Space
    where: tuple[str, ...]
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]


def asked(
    spec: Spec,
    over: Mapping[str, object] | None = None,
    zipped: Iterable[Sequence[str]] = (),
    where: Iterable[str] = (),
    minimize: Iterable[str] = (),
    maximize: Iterable[str] = (),
    sample: int | None = None,
    seed: int = 0,
) -> Asked:
    """What the spec's `explore` says, or these in its place: `over` with `zipped` and `sample`, and each objective.

    A domain of `over` is a text as in a spec, a range, or a list of values. Conditions of `where` are added to the
    spec's own. Raises SpecError for what can't be explored.
    """
    written = _Written(spec)
    if over:
        knobs = _once(_domain(spec, name, domain) for name, domain in over.items())
        groups = list(zipped)
        drawn = None
    else:
        knobs, groups, drawn = written.knobs(), [*written.zips(), *zipped], written.sample()
    if not knobs:
        raise SpecError(f"'{spec.name}' does not say what to vary; say it in its 'explore', or with --over knob=domain")
    if sample is not None:
        for name, number, least in (("count", sample, 1), ("seed", seed, 0)):
            if type(number) is not int or not least <= number < INT64:
                raise SpecError(NO_NUMBER.format(name, least))
        drawn = Sample(count=sample, seed=seed)
    return Asked(
        Space(axes=_axes(knobs, groups), sample=drawn),
        (*written.texts("where"), *where),
        tuple(minimize) or written.texts("minimize"),
        tuple(maximize) or written.texts("maximize"),
    )


def commas(text: str) -> list[str]:
    """The parts of a text between its commas, those inside brackets left whole.

    >>> commas("macs, max(params, 5)")
    ['macs', 'max(params, 5)']
    """
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


class _Written:
    """The `explore` of a spec."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.document = spec.document
        self.entries = spec.explore.entries if spec.explore is not None else {}

    def knobs(self) -> dict[str, Knob]:
        if "over" not in self.entries:
            return {}
        over = self.entries["over"][1]
        assert isinstance(over, MappingNode)
        return _once(_read(self.spec, self.document, name, node) for name, (_, node) in over.entries.items())

    def zips(self) -> list[list[str]]:
        if "zip" not in self.entries:
            return []
        node = self.entries["zip"][1]
        items = node.items if isinstance(node, SequenceNode) else []
        if items and all(isinstance(item, SequenceNode) for item in items):
            return [self.names(item) for item in items]
        return [self.names(node)]

    def names(self, node: Node) -> list[str]:
        if not isinstance(node, SequenceNode) or not all(isinstance(item, Scalar) for item in node.items):
            self.fail(node, "'zip' is a list of knobs that move together, like [alpha, res], or a list of such lists")
        return [item.text for item in node.items if isinstance(item, Scalar)]

    def texts(self, key: str) -> tuple[str, ...]:
        if key not in self.entries:
            return ()
        node = self.entries[key][1]
        items = node.items if isinstance(node, SequenceNode) else [node]
        return tuple(item.text for item in items if isinstance(item, Scalar))

    def sample(self) -> Sample | None:
        if "sample" not in self.entries:
            return None
        node = self.entries["sample"][1]
        parts = node.entries if isinstance(node, MappingNode) else {"count": (node, node)}
        for name, (key, _) in parts.items():
            if name not in ("count", "seed"):
                self.fail(key, f"'sample' has 'count' and 'seed', not '{name}'")
        if "count" not in parts:
            self.fail(node, "'sample' needs a 'count'")
        seed = self.whole(parts["seed"][1], "seed", 0) if "seed" in parts else 0
        return Sample(count=self.whole(parts["count"][1], "count", 1), seed=seed)

    def whole(self, node: Node, name: str, least: int) -> int:
        number = self.spec.value(node, self.document)
        if type(number) is not int or not least <= number < INT64:
            self.fail(node, NO_NUMBER.format(name, least))
        return number

    def fail(self, node: Node, reason: str) -> NoReturn:
        raise SpecError(reason, self.document.at(node))


def _domain(spec: Spec, name: str, domain: object) -> dict[str, Knob]:
    """The knobs of a name with a domain: a text, a range or a list."""
    label = f"--over {name}"
    form = KNOB.fullmatch(name)
    if form is None:
        raise SpecError(f"{label}: '{name}' is no knob; write a var, or an item of one like depths[0]")
    known = list(spec.block.arguments)
    if form[1] not in known:
        raise SpecError(f"'{spec.name}' has no var '{form[1]}' to vary" + nearest(form[1], known))
    if isinstance(domain, str):
        text = domain.strip()
        try:
            bare = parse_range(text) is not None or text.startswith("{")
        except ValueError as error:
            raise SpecError(f"{label}: {error}") from None
        document = read_text(f"value: {text}" if bare else f"value: [{text}]", label)
        node = document.root.entries["value"][1]
        Forms(document).knob(name, node)
        return _read(spec, document, name, node)
    if isinstance(domain, range):
        return _knob(name, domain, label)
    if not isinstance(domain, Iterable):
        raise SpecError(f"{label}: {domain!r} is not a domain; give a text like '16..128:8', a range or a list")
    values: list[Any] = []
    for item in domain:
        try:
            if isinstance(item, str):
                document = read_text(f"value: {item}", label)
                values.append(spec.value(document.root.entries["value"][1], document))
            else:
                values.append(python_value(item))
        except RuleError as error:
            raise SpecError(f"{label}: {error}") from None
    return _knob(name, tuple(values), label)


def _read(spec: Spec, document: Document, name: str, node: Node) -> dict[str, Knob]:
    """The knobs that an entry of `over` makes: one, or one for each item of a list."""
    place = str(document.at(node))
    if not isinstance(node, MappingNode):
        return _knob(name, _values(spec, document, node), place)
    values = _values(spec, document, node.entries["of"][1])
    count = 1
    if "each" in node.entries:
        each = node.entries["each"][1]
        count = spec.value(each, document)
        if type(count) is not int or not 1 <= count <= MOST_ITEMS:
            raise SpecError(f"'each' is a whole number from 1 to {MOST_ITEMS:,}", document.at(each))
    found: dict[str, Knob] = {}
    for index in range(count):
        found.update(_knob(f"{name}[{index}]", values, place, count))
    return found


def _values(spec: Spec, document: Document, node: Node) -> Sequence[Any]:
    if isinstance(node, SequenceNode):
        if len(node.items) > MOST_LISTED:
            raise SpecError(f"a list of more than {MOST_LISTED:,} values", document.at(node))
        return tuple(spec.value(item, document) for item in node.items)
    assert isinstance(node, Scalar)
    found = parse_range(node.text)
    assert isinstance(found, Range)  # its form is checked
    if found.high is None:
        raise SpecError(f"the range {node.text} has no end, so that it can't be explored", document.at(node))
    return range(found.low, found.high + 1, found.step)


def _knob(name: str, values: Sequence[Any], place: str, among: int | None = None) -> dict[str, Knob]:
    if not values:
        raise SpecError(f"{place}: the domain of '{name}' is empty")
    ends = (values[0], values[-1]) if isinstance(values, range) else values
    if any(type(value) is int and abs(value) >= INT64 for value in ends):
        raise SpecError(f"{place}: a value of '{name}' does not fit into 64 bits")
    return {name: Knob(name=name, values=values, among=among)}


def _once(parts: Iterable[Mapping[str, Knob]]) -> dict[str, Knob]:
    """All knobs by name; raises SpecError for one that is varied twice."""
    found: dict[str, Knob] = {}
    for part in parts:
        for name, knob in part.items():
            if name in found:
                raise SpecError(f"'{name}' is varied twice")
            found[name] = knob
    return found


def _axes(knobs: Mapping[str, Knob], groups: Iterable[Sequence[str]]) -> tuple[Axis, ...]:
    """Axes in the order of their first knobs."""
    for name in knobs:
        outer = name.partition("[")[0]
        if "[" in name and outer in knobs:
            raise SpecError(f"'{outer}' is varied twice: as a whole, and by '{name}'")
    together: dict[str, tuple[Knob, ...]] = {}
    for group in groups:
        for name in group:
            if name not in knobs:
                raise SpecError(f"'{name}' is zipped, and not varied" + nearest(name, list(knobs)))
            if name in together:
                raise SpecError(f"'{name}' is zipped twice")
        members = tuple(knobs[name] for name in group)
        lengths = {knob.name: len(knob.values) for knob in members}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
            raise SpecError(f"knobs that are zipped need as many values each: {told}")
        together.update(dict.fromkeys(group, members))
    axes: list[Axis] = []
    placed: set[str] = set()
    for name, knob in knobs.items():
        if name not in placed:
            members = together.get(name, (knob,))
            placed.update(each.name for each in members)
            axes.append(Axis(knobs=members))
    return tuple(axes)
