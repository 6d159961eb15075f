"""A subject's formula read from its evaluation on symbols: row by row, in total, with what was assumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, Final

from archtool.algebra.assumed import conditions, divided
from archtool.algebra.bounds import Lows
from archtool.algebra.closed import Reader
from archtool.algebra.formula import Closed, Formula, Row
from archtool.algebra.functions import floors, replaced
from archtool.algebra.naming import Asked, asked
from archtool.algebra.polynomial import Atom, Polynomial, contents
from archtool.algebra.shown import Layout
from archtool.algebra.subject import AXES, Evaluated, Subject, subject_of
from archtool.analysis.measures import METRICS, Measures
from archtool.analysis.options import Options
from archtool.cost import total as total_cost
from archtool.errors import ArchtoolError, RuleError, SpecError, Untraceable, nearest
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


def formula(
    design: Design, of: str = "macs", symbols: str | None = None, *, block: str | None = None, **options: Any
) -> Formula:
    """The formula of a design, or of a block of its spec; see `Design.formula`."""
    parts = None if symbols is None else tuple(asked(symbols))
    return read(subject_of(design, block), of, parts, Options(**options))


def read(
    subject: Subject,
    of: str,
    symbols: Sequence[Asked] | None,
    options: Options | None = None,
) -> Formula:
    """The formula of a subject in some symbols, by default all that can be; raises RuleError or SpecError for what has
    none."""
    of = ALIASES.get(of, of)
    if of != OUTPUT and of not in METRICS:
        raise RuleError(f"'{of}' is not what a formula tells" + nearest(of, [*METRICS, *ALIASES, OUTPUT]))
    reading = _Reading(subject, of, options or Options())
    parts = subject.parts(symbols)
    try:
        return reading.formula(*((parts, subject.evaluate(parts)) if symbols is not None else reading.possible(parts)))
    except Untraceable as error:
        raise SpecError(f"{of} has no formula in these symbols: {error}") from None


class _Reading:
    def __init__(self, subject: Subject, of: str, options: Options) -> None:
        self.subject = subject
        self.of = of
        self.options = options
        self.told: tuple[BlockRun, dict[str, Any]] | None = None

    def possible(self, parts: Sequence[Asked]) -> tuple[Sequence[Asked], Evaluated]:
        """Those that can all be symbols, of more, and the subject on them: the first ones first, where not all can."""
        found = self.tried(parts)
        if found is not None:
            return parts, found
        kept: list[Asked] = []
        for part in parts:
            more = self.tried([*kept, part]) if len(kept) + 1 < len(parts) else None  # all have been tried
            if more is not None:
                kept.append(part)
                found = more
        return kept, found or self.subject.evaluate(kept)

    def tried(self, parts: Sequence[Asked]) -> Evaluated | None:
        """The subject on these symbols; None where it, or what is asked of it, can't be told in them."""
        try:
            found = self.subject.tried(parts, {})
            reader = reader_of(found)
            for value in self.totals_of(found.run).values():
                reader.of(value)
        except (Untraceable, RuleError, SpecError):  # what is wrong with no symbol at all is raised at the end
            return None
        return found

    def totals_of(self, run: BlockRun) -> dict[str, Any]:
        """What is told of a network, on symbols; told again of the same one, without measuring again."""
        if self.told is None or self.told[0] is not run:
            self.told = run, sizes(run) if self.of == OUTPUT else {self.of: self.measured(run)}
        return self.told[1]

    def formula(self, parts: Sequence[Asked], found: Evaluated) -> Formula:
        layout = Layout(found.names.order, found.names.families)
        self.reader = reader_of(found)
        self.known = exact_quotients(found, self.reader)
        totals = self.totals(found.run, layout)
        return Formula(
            name=self.subject.name,
            of=self.of,
            totals=totals,
            blocks=tuple(self.rows(found.run, layout)),
            layout=layout,
            domains=found.names.domains,
            usual=found.names.usual,
            rules=tuple(dict.fromkeys([self.reader.of(problem.holds) for problem in found.problems])),
            conditions=tuple(conditions(found, layout, self.reader)),
            fixed=fixed(self.subject, found),
            special=self.special(found, parts, totals),
        )

    def totals(self, run: BlockRun, layout: Layout) -> dict[str, Closed]:
        return {name: self.closed(value, layout) for name, value in self.totals_of(run).items()}

    def measured(self, run: BlockRun) -> Any:
        return Measures(run, self.options, self.subject.functional).of(self.of)

    def closed(self, value: Any, layout: Layout) -> Closed:
        return Closed(self.read(value), layout)

    def read(self, value: Any) -> Polynomial:
        """A size as a formula; a quotient that has to be whole loses its floor."""
        return replaced(self.reader.of(value), self.known)

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
        times = self.read(entry.times * entry.turns)
        if times.constant != 1:
            each = self.part(run, entry._replace(times=1, turns=1, shares=None), entry.run.cost)
            if times * each == every:
                return times, each
        return self.read(1), every

    def part(self, run: BlockRun, entry: Entry, cost: Any) -> Polynomial:
        return self.read(self.measured(run._replace(cost=cost, entries=(entry,))))

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
        try:
            other = self.subject.tried(
                [part._replace(domain=domains.get(part.name, part.domain)) for part in parts], {}
            )
        except ArchtoolError:  # there is no network where they are multiples; the rules say so
            return {}
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


def exact_quotients(found: Evaluated, reader: Reader) -> dict[Atom, Polynomial]:
    """The floors that are none wherever the network is valid."""
    parts = [divided(reader.of(problem.holds)) for problem in found.problems]
    return {atom: whole.over(below) for whole, below, atom in filter(None, parts)}


def reader_of(found: Evaluated) -> Reader:
    """What reads the sizes of a subject on symbols, knowing their least values."""
    return Reader(Lows({name: domain.low for name, domain in found.names.domains.items()}))


def sizes(run: BlockRun) -> dict[str, Any]:
    """The sizes of a network's output, by name."""
    shape = run.output.shape
    if shape.is_tokens:
        return {"tokens": shape.spatial[0], "channels": shape.channels}
    names = AXES.get(len(shape.spatial), ())
    return {"channels": shape.channels, **dict(zip(names, shape.spatial, strict=True))}
