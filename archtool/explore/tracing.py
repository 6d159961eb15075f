"""A space of designs evaluated on expressions: in one piece where everything merges, else split where it must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.analysis.measures import METRICS, Measures
from archtool.collector import collector_paused
from archtool.errors import RuleError, SpecError, Untraceable, nearest
from archtool.explore.derived import Derived, Form, filled, untraceable_vars
from archtool.explore.reading import Reader, Variable, settled
from archtool.explore.search.budget import SCALED, UNITS
from archtool.explore.space import Axis
from archtool.fields import describe
from archtool.network import Evaluation
from archtool.size import Condition, Size, negate, select
from archtool.spec.expressions import Expression, compile_expression
from archtool.spec.numbers import is_number
from archtool.spec.values import Choice
from archtool.trace import Expr, Trace, in_order, is_condition

if TYPE_CHECKING:
    from archtool.analysis.options import Options
    from archtool.design import Design

Fixed = Mapping[int, int]  # axis -> its place there
Bounds = Sequence[tuple[int, int]]  # of the numbers of derived vars


class Question(NamedTuple):
    """A metric, or an expression over metrics and vars, that is asked of every design."""

    text: str
    expression: Expression

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that it needs."""
        return self.expression.uses & METRICS.keys()


class Piece(NamedTuple):
    """Designs traced at once: all that have these places on the axes that are fixed.

    `measures` answers the questions, `keeps` tells whether the conditions hold; `problem` is 0 where the design is
    valid, else 1 + the index in `rules` of the first rule that is broken.
    """

    variables: Mapping[str, Variable]
    measures: tuple[Any, ...]
    keeps: tuple[Condition, ...]
    problem: Size
    rules: tuple[str, ...]


class Tracer:
    """Traces a design over the axes of a space.

    A value that can't vary where it stands fixes its axis: `fixed_axes` grows, and pieces become smaller.
    """

    def __init__(
        self,
        design: Design,
        axes: Sequence[Axis],
        questions: Sequence[Question],
        conditions: Sequence[Question],
        options: Options,
    ) -> None:
        self.design = design
        self.axes = axes
        self.questions = questions
        self.conditions = conditions
        self.options = options
        self._knobs = {knob.name for axis in axes for knob in axis.knobs}
        self.derived: Derived | None = None
        self.fixed_axes: tuple[int, ...] = ()
        self.reasons: list[str] = []  # why each axis had to be fixed

    def piece(self, fixed: Fixed, form: Form | None = None, bounds: Bounds = ()) -> Piece | None:
        """The piece at these places of the fixed axes, and of this form of the derived vars, whose numbers have these
        bounds; None where the space has to be divided further first."""
        try:
            return self._traced(fixed, form, bounds)
        except Untraceable as error:
            if len(fixed) == len(self.axes):
                raise
            if self.derived is None and self._derive():
                return None
            axis = self._culprit(error, fixed, form, bounds)
            self.fixed_axes = tuple(sorted((*self.fixed_axes, axis)))
            self.reasons.append(f"{' and '.join(knob.name for knob in self.axes[axis].knobs)}: {error}")
            return None

    def _derive(self) -> bool:
        """Whether there are vars that can't be traced; from then on they are computed on numbers."""
        asked = frozenset[str]().union(*(each.expression.uses for each in (*self.questions, *self.conditions)))
        try:
            self.derived = untraceable_vars(self.design, self.axes, asked)
        except (RuleError, SpecError):  # the first design is invalid: there is nothing to go by
            return False
        if self.derived is not None:
            self.reasons.append(f"{', '.join(self.derived.names)}: computed for each design")
        return self.derived is not None

    def _culprit(self, error: Untraceable, fixed: Fixed, form: Form | None, bounds: Bounds) -> int:
        """The axis to fix: of those that the error names, else the first without which it is another error; the
        shortest first."""
        free = sorted(set(range(len(self.axes))) - fixed.keys(), key=lambda axis: self.axes[axis].length)
        names = symbol_names(error.varying)
        owner = {name: axis for axis in free for name in self._symbols(axis)}
        named = [axis for axis in free if axis in {owner.get(name) for name in names}]
        if named:
            return named[0]
        for axis in free:
            try:
                self._traced({**fixed, axis: 0}, form, bounds)
            except Untraceable as other:
                if str(other) == str(error):
                    continue
            return axis
        return free[0]

    def _symbols(self, axis: int) -> Iterable[str]:
        reader = Reader(Trace())
        for knob in self.axes[axis].knobs:
            reader.knob(axis, knob)
        return reader.variables

    def _traced(self, fixed: Fixed, form: Form | None, bounds: Bounds) -> Piece:
        if form is not None and form.error:
            return self._invalid(form.error, {}, {})
        trace = None if len(fixed) == len(self.axes) and form is None else Trace()
        reader = Reader(trace or Trace())
        values = [
            [knob.values[fixed[number]] if number in fixed else reader.knob(number, knob) for knob in axis.knobs]
            for number, axis in enumerate(self.axes)
        ]
        evaluation = Evaluation(trace)
        environment: dict[str, Any] = {}
        with collector_paused():
            try:
                derived = {} if self.derived is None else self._given(reader, self.derived, form, bounds)
                block, knobs = settled(self.design.block, self.axes, values)
                environment = evaluation.vars(block, {**knobs, **derived})
                run = evaluation.network(block, environment, self.design.spec.shapes(environment))
            except (RuleError, SpecError) as error:
                return self._invalid(str(error), reader.variables, environment)
            problems = [*(trace.problems if trace else ()), *((each.holds, each.rule) for each in run.problems)]
            measures = Measures(run, self.options, self.design.spec.functional)
            known = {name: measures.of(name) for name in self._metrics()}
            meant = {name: value for name, value in known.items() if name not in self._knobs}
            answers = tuple(_number(asked, {**known, **environment, **_bare(asked, meant)}) for asked in self.questions)
            keeps = self._keeps({**known, **environment})
        rules = tuple(dict.fromkeys(rule for _, rule in problems))
        codes = {rule: 1 + index for index, rule in enumerate(rules)}
        problem = select([(negate(holds), codes[rule]) for holds, rule in problems], 0)
        return Piece(reader.variables, answers, keeps, problem, rules)

    def _keeps(self, environment: dict[str, Any]) -> tuple[Condition, ...]:
        """Whether the conditions hold; those on what an invalid design does not have remove none."""
        return tuple(
            [
                _truth(each, environment) if each.expression.uses <= environment.keys() else True
                for each in self.conditions
            ]
        )

    def _given(self, reader: Reader, derived: Derived, form: Form | None, bounds: Bounds) -> dict[str, Any]:
        """The derived vars as symbols, each on an axis of its own behind those of the space."""
        assert form is not None
        places = enumerate(bounds)

        def leaf(name: str) -> Any:
            number, (low, high) = next(places)
            return reader.size(len(self.axes) + number, f"{name}@{number}", range(low, high + 1))

        read = {
            name: filled(value, partial(leaf, name)) for name, value in zip(derived.names, form.values, strict=True)
        }
        return {**read, **dict.fromkeys(derived.unread, ())}

    def _invalid(self, reason: str, variables: Mapping[str, Variable], environment: dict[str, Any]) -> Piece:
        """Designs none of which is valid; conditions on vars alone may hold or not."""
        return Piece(variables, (0,) * len(self.questions), self._keeps(environment), 1, (reason,))

    def _metrics(self) -> Iterator[str]:
        asked = frozenset[str]().union(*(question.metrics for question in (*self.questions, *self.conditions)))
        return (name for name in METRICS if name in asked)


def question(text: str, vars: Iterable[str]) -> Question:
    """A metric or an expression over metrics and vars, whose numbers may have units as in `600M`; raises SpecError for
    another text."""
    known = [*METRICS, *vars]
    plain = SCALED.sub(lambda found: f"({found[1]} * {UNITS[found[2]]})", text.strip())
    try:
        return Question(text.strip(), compile_expression(plain, known, ()))
    except RuleError as error:
        hint = nearest(text.strip(), known) if text.strip().isidentifier() and ";" not in str(error) else ""
        raise SpecError(f"{error}{hint}") from None


def symbol_names(values: object) -> set[str]:
    """The names of the symbols that some values are made of."""
    if isinstance(values, Expr):
        return {expr.args[0] for expr in in_order([values]) if expr.op == "symbol"}
    if isinstance(values, Choice):
        return symbol_names(values.number)
    if isinstance(values, tuple | list):
        return set().union(*map(symbol_names, values))
    return set()


def _bare(asked: Question, known: Mapping[str, Any]) -> Mapping[str, Any]:
    """A metric asked for by its name alone is meant, though a var has that name too; where a knob has, the knob is."""
    return {asked.text: known[asked.text]} if asked.text in known else {}


def _number(asked: Question, environment: dict[str, Any]) -> Any:
    value = _value(asked, environment)
    if is_number(value) or is_condition(value):
        return value
    raise SpecError(f"'{asked.text}' is {describe(value)}, not a number")


def _truth(asked: Question, environment: dict[str, Any]) -> Condition:
    value = _value(asked, environment)
    if is_condition(value):
        return value  # type: ignore[no-any-return]  # checked
    raise SpecError(f"'{asked.text}' is {describe(value)}; a condition is true or false")


def _value(asked: Question, environment: dict[str, Any]) -> Any:
    try:
        return asked.expression.evaluate(environment)
    except RuleError as error:
        raise RuleError(f"'{asked.text}': {error}") from None
