"""A subject's formula read from its evaluation on symbols: row by row, in total, with what was assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, Final

from archtool.algebra.closed import Reader
from archtool.algebra.formula import Closed, Formula, Row
from archtool.algebra.naming import Asked, asked
from archtool.algebra.polynomial import Atom, Polynomial, contents, implied, single
from archtool.algebra.shown import Layout
from archtool.algebra.subject import AXES, Evaluated, Subject, of_design
from archtool.algebra.text import divisor, test, write
from archtool.analysis.measures import METRICS, Measures
from archtool.analysis.options import Options
from archtool.cost import total as total_cost
from archtool.errors import RuleError, nearest
from archtool.runs import BlockRun, Entry, entry_costs
from archtool.spec.domains import Range
from archtool.spec.numbers import is_number

if TYPE_CHECKING:
    from archtool.design import Design

OUTPUT: Final = "output"
ALIASES: Final = {"memory": "peak_memory"}
ADDITIVE: Final = ("params", "macs", "flops", "activations", "weight_bytes", "activation_bytes")
ALONG: Final = ("receptive_field", "stride", OUTPUT)  # told behind each block
LARGEST_STEP: Final = 4096  # of a symbol, so that floors go


def formula(design: Design, of: str = "macs", symbols: str | None = None, **options: Any) -> Formula:
    """The formula of a design; see `Design.formula`."""
    return read(of_design(design), of, parts_of(of_design(design), symbols, design.knobs), Options(**options))


def parts_of(subject: Subject, symbols: str | None, fixed: Iterable[str] = ()) -> tuple[Asked, ...]:
    """What is to be a symbol: what a text says, else each var that is a whole number of its own, not set by hand."""
    if symbols is not None:
        parts = list(asked(symbols))
        named = {subject.size(part.name) or part.name for part in parts}
        more = [name for name in subject.free if (subject.size(name) or name) not in named]
        return (*parts, *[Asked(name, None, "") for name in more])
    found = list(subject.free)
    for name, value in subject.values.items():
        default = subject.block.arguments[name]
        is_own = default is not None and not default.uses and name not in fixed
        if is_own and is_number(value) and not isinstance(value, Fraction) and value:  # not a padding, a rate of 0
            found.append(name)
    return tuple([Asked(name, None, "") for name in found])


def read(subject: Subject, of: str, parts: Sequence[Asked], options: Options | None = None) -> Formula:
    """The formula of a subject in some symbols; raises RuleError or SpecError for what has none."""
    of = ALIASES.get(of, of)
    if of != OUTPUT and of not in METRICS:
        raise RuleError(f"'{of}' is not what a formula tells" + nearest(of, [*METRICS, *ALIASES, OUTPUT]))
    return _Reading(subject, of, options or Options()).formula(parts)


class _Reading:
    def __init__(self, subject: Subject, of: str, options: Options) -> None:
        self.subject = subject
        self.of = of
        self.options = options

    def formula(self, parts: Sequence[Asked]) -> Formula:
        found = self.subject.evaluate(parts)
        layout = Layout(found.names.order, found.names.families)
        self.reader = Reader()
        totals = self.totals(found.run, layout)
        return Formula(
            name=self.subject.name,
            of=self.of,
            totals=totals,
            blocks=tuple(self.rows(found.run, layout)),
            symbols=found.names.order,
            assumptions=tuple(assumptions(found, layout, self.reader)),
            fixed=fixed(self.subject, found),
            special=self.special(found, parts, totals),
        )

    def totals(self, run: BlockRun, layout: Layout) -> dict[str, Closed]:
        if self.of == OUTPUT:
            return {name: self.closed(size, layout) for name, size in sizes(run).items()}
        return {self.of: self.closed(self.measured(run), layout)}

    def measured(self, run: BlockRun) -> Any:
        return Measures(run, self.options, self.subject.functional).of(self.of)

    def closed(self, value: Any, layout: Layout) -> Closed:
        return Closed(self.reader.of(value), layout)

    def rows(self, run: BlockRun, layout: Layout) -> Iterable[Row]:
        """The entries of a network; those that cost nothing are left out."""
        one = self.closed(1, layout)
        for entry in run.entries:
            if self.of in ADDITIVE:
                count, each = self.counted(run, entry)
                if each.terms and count.terms:
                    forms = {self.of: Closed(each, layout)}
                    yield Row(entry.name, entry.run.kind, Closed(count, layout), forms)
            elif self.of in ALONG:
                behind = run._replace(output=run.tensors[entry.target])
                yield Row(entry.name, entry.run.kind, one, self.totals(behind, layout))

    def counted(self, run: BlockRun, entry: Entry) -> tuple[Polynomial, Polynomial]:
        """How often an entry counts, and what it comes to each time."""
        every = self.part(run, entry, total_cost(list(entry_costs(entry))))
        times = self.reader.of(entry.times * entry.turns)
        if times.constant != 1:
            each = self.part(run, entry._replace(times=1, turns=1, shares=None), entry.run.cost)
            if times * each == every:
                return times, each
        return self.reader.of(1), every

    def part(self, run: BlockRun, entry: Entry, cost: Any) -> Polynomial:
        return self.reader.of(self.measured(run._replace(cost=cost, entries=(entry,))))

    def special(
        self, found: Evaluated, parts: Sequence[Asked], totals: Mapping[str, Closed]
    ) -> dict[str, dict[str, Closed]]:
        """The totals where symbols are multiples of what they are divided by, if floors go by that."""
        steps: dict[str, int] = {}
        for closed in totals.values():
            for atom in floors(closed.polynomial):
                names = atom.symbols()
                for name in names if len(names) == 1 else ():
                    steps[name] = lcm(steps.get(name, 1), Fraction(contents([atom])).denominator)
        plain = {part.name: part for part in parts if not part.expression and found.names.domains.get(part.name)}
        chosen = {
            name: step
            for name, step in steps.items()
            if name in plain and found.names.domains[name].step == 1 and 1 < step <= LARGEST_STEP
        }
        if not chosen:
            return {}
        domains = {name: Range(step, None, step) for name, step in chosen.items()}
        other = self.subject.evaluate([part._replace(domain=domains.get(part.name, part.domain)) for part in parts])
        layout = Layout(other.names.order, other.names.families)
        simple = self.totals(other.run, layout)
        if any(floors(closed.polynomial) for closed in simple.values()):
            return {}
        condition = " and ".join(f"{name} is a multiple of {step}" for name, step in chosen.items())
        return {condition: simple}


def fixed(subject: Subject, found: Evaluated) -> dict[str, Any]:
    """The vars that are numbers whatever the symbols are."""
    varying = set(found.names.vars)
    for name, default in subject.block.arguments.items():  # in an order in which they can be computed
        if default is not None and default.uses & varying:
            varying.add(name)
    return {name: value for name, value in subject.values.items() if name not in varying and is_number(value)}


def floors(part: Polynomial) -> list[Polynomial]:
    """What floors are taken of in a formula."""
    found = []
    for atom in part.atoms():
        if atom.op == "floor":
            found.append(atom.args[0])
        if atom.op != "symbol":
            found += [each for arg in atom.args for each in floors(arg)]
    return found


def sizes(run: BlockRun) -> dict[str, Any]:
    """The sizes of a network's output, by name."""
    shape = run.output.shape
    if shape.is_tokens:
        return {"tokens": shape.spatial[0], "channels": shape.channels}
    names = AXES.get(len(shape.spatial), ())
    return {"channels": shape.channels, **dict(zip(names, shape.spatial, strict=True))}


def assumptions(found: Evaluated, layout: Layout, reader: Reader) -> Iterable[str]:
    """What has to hold for a formula to be right, as texts."""
    by_domain: dict[Range, list[str]] = {}
    for name in found.names.order:
        by_domain.setdefault(found.names.domains[name], []).append(name)
    for domain, names in by_domain.items():
        yield said(", ".join(names), domain)
    for name, expression in found.names.written.items():
        yield f"{name} = {expression}"
    yield from rules(found, layout, reader)


def rules(found: Evaluated, layout: Layout, reader: Reader) -> Iterable[str]:
    """The rules of layers that only some values keep, as conditions; those that others imply are left out."""
    texts = {reader.of(problem.holds): problem.rule for problem in reversed(found.problems)}
    conditions = [each for each in reversed(texts) if each.constant is None]
    weak = implied([atom for each in conditions if (atom := each.atom) is not None and atom.is_truth])
    for each in conditions:
        atom = each.atom
        if atom not in weak:
            words = divisibility(atom, layout) if atom is not None else ""
            yield words or test(layout.of(each), layout) or f"not: {texts[each]}"


def divisibility(atom: Atom, layout: Layout) -> str:
    """`a - d * floor(a / d) == 0` in words; empty for another condition."""
    inside = atom.args[0]
    for each in inside.atoms():
        if each.op == "floor":
            below = divisor(each.args[0])
            rest = inside + single(each) * below
            for whole in (rest, inside - single(each) * below):
                sign = 1 if whole is rest else -1
                if whole * sign == each.args[0] * below:
                    return f"{write(below, layout)} divides {write(whole * sign, layout)}"
    return ""


def said(names: str, domain: Range) -> str:
    """A domain in words."""
    text = f"{names} >= {domain.low}" if domain.high is None else f"{domain.low} <= {names} <= {domain.high}"
    if domain.step == 1:
        return text
    if domain.step == 2:
        return f"{text}, {'odd' if domain.low % 2 else 'even'}"
    if domain.low % domain.step == 0:
        return f"{text}, a multiple of {domain.step}"
    return f"{text}, {domain.low % domain.step} more than a multiple of {domain.step}"
