"""A space of designs evaluated on expressions: in one piece where everything merges, else split where it must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.analysis.measures import METRICS, Measures
from archtool.collector import collector_paused
from archtool.errors import RuleError, SpecError, Untraceable, nearest
from archtool.explore.reading import Reader, Variable, given
from archtool.explore.space import Axis
from archtool.fields import describe
from archtool.network import Evaluation
from archtool.size import Condition, Size, negate, select
from archtool.spec.expressions import Expression, compile_expression
from archtool.spec.numbers import is_condition, is_number
from archtool.spec.values import Choice
from archtool.trace import Expr, Trace, in_order

if TYPE_CHECKING:
    from archtool.analysis.options import Options
    from archtool.design import Design

Fixed = Mapping[int, int]  # axis -> its place there


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
        self.fixed_axes: tuple[int, ...] = ()
        self.reasons: list[str] = []  # why each axis had to be fixed

    def piece(self, fixed: Fixed) -> Piece | None:
        """The piece at these places of the fixed axes; None where another axis has to be fixed first."""
        try:
            return self._traced(fixed)
        except Untraceable as error:
            if len(fixed) == len(self.axes):
                raise
            axis = self._culprit(error, fixed)
            self.fixed_axes = tuple(sorted((*self.fixed_axes, axis)))
            self.reasons.append(f"{' and '.join(knob.name for knob in self.axes[axis].knobs)}: {error}")
            return None

    def _culprit(self, error: Untraceable, fixed: Fixed) -> int:
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
                self._traced({**fixed, axis: 0})
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

    def _traced(self, fixed: Fixed) -> Piece:
        trace = None if len(fixed) == len(self.axes) else Trace()
        reader = Reader(trace or Trace())
        values = [
            [knob.values[fixed[number]] if number in fixed else reader.knob(number, knob) for knob in axis.knobs]
            for number, axis in enumerate(self.axes)
        ]
        block = self.design.block
        evaluation = Evaluation(trace)
        with collector_paused():
            try:
                defaults = evaluation.vars(block, given(zip(self.axes, values, strict=True)))
                knobs = given(zip(self.axes, values, strict=True), defaults)
                environment = evaluation.vars(block, knobs)
                run = evaluation.network(block, environment, self.design.spec.shapes(environment))
            except (RuleError, SpecError) as error:
                nothing = tuple(0 for _ in self.questions)
                return Piece({}, nothing, tuple(True for _ in self.conditions), 1, (str(error),))
            problems = [*(trace.problems if trace else ()), *((each.holds, each.rule) for each in run.problems)]
            measures = Measures(run, self.options, self.design.spec.functional)
            known = {name: measures.of(name) for name in self._metrics()}
            answers = tuple(_number(asked, {**known, **environment, **_bare(asked, known)}) for asked in self.questions)
            keeps = tuple(_truth(asked, {**known, **environment}) for asked in self.conditions)
        rules = tuple(dict.fromkeys(rule for _, rule in problems))
        codes = {rule: 1 + index for index, rule in enumerate(rules)}
        problem = select([(negate(holds), codes[rule]) for holds, rule in problems], 0)
        return Piece(reader.variables, answers, keeps, problem, rules)

    def _metrics(self) -> Iterator[str]:
        asked = frozenset[str]().union(*(question.metrics for question in (*self.questions, *self.conditions)))
        return (name for name in METRICS if name in asked)


def question(text: str, vars: Iterable[str]) -> Question:
    """A metric or an expression over metrics and vars; raises SpecError for another text."""
    known = [*METRICS, *vars]
    try:
        return Question(text.strip(), compile_expression(text.strip(), known, ()))
    except RuleError as error:
        hint = nearest(text.strip(), known) if text.strip().isidentifier() and "did you mean" not in str(error) else ""
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
    """A metric asked for by its name alone is meant, though a var has that name too."""
    return {asked.text: known[asked.text]} if asked.text in known else {}


def _number(asked: Question, environment: dict[str, Any]) -> Any:
    value = asked.expression.evaluate(environment)
    if is_number(value) or is_condition(value):
        return value
    raise SpecError(f"'{asked.text}' is {describe(value)}, not a number")


def _truth(asked: Question, environment: dict[str, Any]) -> Condition:
    value = asked.expression.evaluate(environment)
    if is_condition(value):
        return value  # type: ignore[no-any-return]  # checked
    raise SpecError(f"'{asked.text}' is {describe(value)}; a condition is true or false")
