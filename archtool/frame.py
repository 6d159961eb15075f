"""One body evaluated: its steps one after the other, the tensors that they make, the runs that they place.

Where a condition stays open (on expressions only) both alternatives are evaluated and merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from archtool.alternatives import alternatives
from archtool.choices import chosen, has_choice
from archtool.cost import total
from archtool.errors import RuleError, SpecError, Untraceable
from archtool.field import POINTWISE, Field, identity, joined
from archtool.fields import describe
from archtool.layer import FieldError, Join, find
from archtool.merging import then_power
from archtool.repeats import repeat
from archtool.runs import BlockRun, Entry, LayerRun, Merged, Problem, Run, check_growth, entry_costs, join_run
from archtool.shape import Shape
from archtool.sides import call_with_sides
from archtool.size import Condition, Size
from archtool.spec.expressions import Expression
from archtool.spec.lists import bind, in_text, is_list, sequence
from archtool.spec.reader import Document, Node
from archtool.spec.scope import is_kind, with_fields
from archtool.spec.steps import Block, Body, Branch, Call, Fields, Loop, Merge, Path, Step
from archtool.spec.values import HERE, Choice, Environment, StepValue, Tensor, refuse_choice, tensor_key
from archtool.trace import Expr, is_condition

if TYPE_CHECKING:
    from archtool.network import Evaluation


class Frame:
    """The evaluation of one body: its environment, the tensors made so far, and the entries placed so far."""

    def __init__(
        self, evaluation: Evaluation, document: Document, environment: Environment, shapes: tuple[Shape, ...]
    ) -> None:
        self.evaluation = evaluation
        self.document = document
        self.environment = environment
        self.inputs = shapes
        self.tensors: list[Tensor] = []
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.merges: dict[int, Merged] = {}
        self.prefix = ""
        self.count: Size = 1
        self.shared: dict[str, tuple[Any, ...] | Expr] = {}  # a condition: it is first used in one of its alternatives
        for index, shape in enumerate(shapes):
            fields = tuple(identity(shape.axes) if index == other else None for other in range(len(shapes)))
            self.add(shape, fields)

    def add(
        self, shape: Shape, fields: tuple[Field | None, ...], outputs: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """A new tensor of this body."""
        tensor = Tensor(shape, fields, len(self.tensors), outputs)
        self.tensors.append(tensor)
        return tensor

    def finish(self, kind: str, output: Tensor, outputs: dict[str, Tensor]) -> BlockRun:
        """The body's run, its costs summed up."""
        if self.shared:
            cost = total([part for entry in self.entries for part in entry_costs(entry)])
        else:
            cost = total([(entry.run.cost, entry.times * entry.turns) for entry in self.entries])
        made = tuple(self.entries), tuple(self.tensors), tuple(self.problems), self.merges
        return BlockRun(kind, self.inputs, output, outputs, cost, *made)

    # --- steps --------------------------------------------------------------------------------------------------

    def steps(self, body: Body, x: Tensor, label: str) -> Tensor:
        """Run a body's steps from a tensor to the tensor that they end in; `label` names the list in errors."""
        environment = self.environment
        self.evaluation.allowance.spend(len(body.steps), "too many steps")
        for index, step in enumerate(body.steps):
            environment[HERE] = x
            try:
                x = self.step(step, x)
            except SpecError as error:
                error.path = (*_label(step, label, index), *error.path)
                raise
            except RuleError as error:
                raise self.located(step, error, _label(step, label, index)) from None
        return x

    def step(self, step: Step, x: Tensor) -> Tensor:
        beside = step.beside
        if beside.at is not None and type(step) is not Merge:
            x = self.environment[HERE] = self.tensor(beside.at.evaluate(self.environment), "at")
        if beside.repeat is not None:
            y = repeat(self, step, x)
        elif type(step) is Call:
            y = self.call(step, x)
        elif type(step) is Merge:
            y = self.merge(step, x)
        elif type(step) is Loop:
            return self.loop(step, x)
        elif type(step) is Branch:
            return self.branch(step, x)
        elif beside.shares is not None:
            y = self.place(beside.path, self.alone(step.body, x), x, step)  # type: ignore[union-attr]  # a Group
        else:
            y = self.nested(beside.path + ".", step.body, x)  # type: ignore[union-attr]  # a Group
        if beside.name is not None:
            self.environment[tensor_key(beside.name)] = y
        return y

    def located(self, step: Step, error: RuleError, path: tuple[str, ...]) -> SpecError:
        """A rule's error with its place: the field's where it is known, else the step's."""
        node: Node = step.beside.node
        if isinstance(error, FieldError) and isinstance(step, Call):
            for fields in (step.beside.first, step.fields):
                if fields is not None and error.field in fields.names:
                    node = fields.nodes[fields.names.index(error.field)]
                    break
        return SpecError(str(error), self.document.at(node), path)

    def tensor(self, value: Any, what: str) -> Tensor:
        """The value, which must be one tensor."""
        if isinstance(value, Tensor):
            return value
        refuse_choice(value, f"'{what}'")
        if value is None:
            raise RuleError(f"'{what}' has no tensor: the branch that makes it is not taken")
        raise RuleError(f"'{what}' is {describe(value)}, not one tensor")

    # --- layers and blocks --------------------------------------------------------------------------------------

    def call(self, step: Call, x: Tensor) -> Tensor:
        beside, _, target, fields, _ = step
        values = self.values(fields) if fields.constants is None else fields.constants
        if is_kind(target):
            if target.sides:
                return call_with_sides(self, step, target, fields.names, values, x)
            if self.evaluation.trace is not None and has_choice(values):
                run: Run = chosen(self, step, target, fields.names, values, x)
            else:
                run = self.evaluation.layer(target, fields.names, values, x.shape)
        else:
            run = self.run(step, fields.names, values, x)
        return self.place(beside.path, run, x, step)

    def values(self, fields: Fields) -> tuple[Any, ...]:
        """The values of fields; raises FieldError for the one that can't be evaluated."""
        if fields.constants is not None:
            return fields.constants
        environment = self.environment
        values: list[Any] = []
        try:
            for value in fields.values:
                values.append(value.evaluate(environment))
        except RuleError as error:
            name, text = fields.names[len(values)], fields.values[len(values)].text
            raise FieldError(name, f"{name}: {in_text(str(error), text)}") from None
        return tuple(values)

    def run(self, step: Call, names: tuple[str, ...], values: tuple[Any, ...], x: Tensor) -> Run:
        """What a call stands for, at an input."""
        target: Any = step.target
        if type(target) is Expression:
            held = target.evaluate(self.environment)
            if step.other is not None and not isinstance(held, StepValue | Choice):
                target = step.other
            elif type(held) is Choice:
                return chosen(self, step, held, names, values, x)
            else:
                full = with_fields(held, step.word, tuple(zip(names, values, strict=True)))
                target, names, values = full.target, full.names, full.values
        return self.run_of(step, target, names, values, x)

    def run_of(self, step: Call, target: Any, names: tuple[str, ...], values: tuple[Any, ...], x: Tensor) -> Run:
        """A block or a layer kind with these arguments or fields, at an input."""
        if type(target) is Block:
            given = dict(zip(names, values, strict=True))
            for name in given:
                if name not in target.arguments:
                    raise RuleError(f"block '{target.name}' has no argument '{name}'")
            return self.evaluation.block(target, given, x.shape)
        if target.is_join or target.sides:
            raise RuleError(f"'{target.kind}' joins several tensors, so that it can't be used as a value")
        if self.evaluation.trace is not None and has_choice(values):
            return chosen(self, step, target, names, values, x)
        return self.evaluation.layer(target, names, values, x.shape)

    def place(self, name: str, run: Run, x: Tensor, step: Step, turn: int | None = None, turns: Size = 1) -> Tensor:
        """Put some turns of a run behind a tensor; what comes out."""
        if type(turns) is int and turns > 1:
            check_growth(run.cost, turns)
        outputs = None
        inner: Field | None
        if type(run) is LayerRun:
            shape, inner = run.output, run.seen
        else:
            block: BlockRun = run  # type: ignore[assignment]  # the other of the two
            shape, inner = block.output.shape, block.output.fields[0]
            if block.outputs:
                outputs = {
                    label: self.add(tensor.shape, self.through(x, tensor.fields[0]))
                    for label, tensor in block.outputs.items()
                }
        y = self.add(shape, x.fields if inner is POINTWISE else self.through(x, inner, turns), outputs)
        self.enter(name, run, (x.number,), y, step, turn, turns)
        return y

    def through(self, x: Tensor, inner: Field | None, turns: Size = 1) -> tuple[Field | None, ...]:
        """The fields of a tensor that sees x by `inner`, some turns of it."""
        if inner is None:
            return (None,) * len(x.fields)
        fields = tuple([f and (f.then(inner) if turns == 1 else then_power(f, inner, turns)) for f in x.fields])
        self.evaluation.spend_on_phases(fields[0])
        return fields

    def enter(
        self,
        name: str,
        run: Run,
        sources: tuple[int, ...],
        y: Tensor,
        step: Step,
        turn: int | None = None,
        turns: Size = 1,
    ) -> None:
        """Note an entry, and the problems of its run under the conditions of this place."""
        name = self.prefix + name
        shares = step.beside.shares
        owns = shares is None or self.owns(shares, run)
        self.entries.append(
            Entry(name, run, sources, y.number, step.beside.node, self.count, shares, owns, turn, turns)
        )
        if run.problems:
            self.problems += [Problem(problem.holds, f"{name}: {problem.rule}") for problem in run.problems]

    def owns(self, label: str, run: Run) -> bool:
        """Whether weights of this label are counted here: at their first use."""
        use = (run.kind, run.layer.key if isinstance(run, LayerRun) else None, run.cost.params)
        if label not in self.shared:
            self.shared[label] = use
            return True
        first = self.shared[label]
        if isinstance(first, Expr):
            raise Untraceable(f"where the weights '{label}' are used first varies with the design", first)
        if first != use:
            raise RuleError(f"steps that share '{label}' must have the same fields and the same number of weights")
        return False

    # --- joins --------------------------------------------------------------------------------------------------

    def merge(self, step: Merge, x: Tensor) -> Tensor:
        ends: list[Tensor] = []
        labels: list[str] = []
        if step.beside.at is not None:
            start = step.beside.at.evaluate(self.environment)
            if not step.paths:
                tensors = self.sequence(start, "the tensors of a join") if is_list(start) else (start,)
                for index, tensor in enumerate(tensors):
                    ends.append(self.tensor(tensor, f"at[{index}]"))
                    labels.append(f"at[{index}]")
                return self.join(step, labels, ends, x)
            x = self.tensor(start, "at")
        return self.paths(step, list(step.paths), labels, ends, x)

    def paths(self, step: Merge, waiting: list[Path], labels: list[str], ends: list[Tensor], x: Tensor) -> Tensor:
        """Run the paths that wait, then join all ends; a path whose condition is open makes two alternatives."""
        environment = self.environment
        for index, path in enumerate(waiting):
            environment[HERE] = x
            if path.when is not None:
                condition = _condition(path.when.evaluate(environment), "when")
                if isinstance(condition, Expr):
                    rest = waiting[index + 1 :]
                    return alternatives(
                        self,
                        condition,
                        lambda: self.paths(step, [path._replace(when=None), *rest], [*labels], [*ends], x),  # noqa: B023
                        lambda: self.paths(step, rest, [*labels], [*ends], x),  # noqa: B023 - called before the next turn
                    )
                if not condition:
                    continue
            prefix = f"{step.beside.path}.{path.label}."
            if path.each is None or path.values is None:
                ends.append(self.path(path, prefix, x))
                labels.append(path.label)
                continue
            with self.binding((path.each,)):
                values = self.sequence(path.values.evaluate(environment), f"the values of {path.label}")
                for turn, value in enumerate(values):
                    environment[path.each] = value
                    environment[HERE] = x
                    ends.append(self.path(path, f"{prefix}{turn}.", x))
                    labels.append(f"{path.label}.{turn}")
        return self.join(step, labels, ends, x)

    def path(self, path: Path, prefix: str, x: Tensor) -> Tensor:
        return self.nested(prefix, path.body, x, path.label)

    def join(self, step: Merge, labels: list[str], ends: list[Tensor], x: Tensor) -> Tensor:
        """Join the ends; one end alone passes through."""
        if not ends:
            raise RuleError(f"'{step.kind}' has no path left to join")
        if len(ends) == 1:
            return ends[0]
        evaluation = self.evaluation
        inputs = tuple([end.shape for end in ends])
        key = (step.kind, inputs)
        run = evaluation.layers.get(key)
        if run is None:
            layer = find(step.kind)()
            assert isinstance(layer, Join)
            try:
                run = evaluation.layers[key] = evaluation.watched(lambda: join_run(layer, inputs))
            except RuleError as error:
                shapes = tuple(f"{label}: {end.shape}" for label, end in zip(labels, ends, strict=True))
                raise SpecError(str(error), self.document.at(step.beside.node), (), shapes) from None
        fields = tuple(joined([end.fields[source] for end in ends], run.output.axes) for source in range(len(x.fields)))
        self.evaluation.spend_on_phases(fields[0])
        y = self.add(run.output, fields)
        self.enter(step.beside.path, run, tuple([end.number for end in ends]), y, step)
        return y

    # --- bodies inside this one, loops, branches ----------------------------------------------------------------

    def sequence(self, value: Any, what: str) -> tuple[Any, ...]:
        """The value, which must be a list; its items count as work."""
        items = sequence(value, what)
        self.evaluation.allowance.spend(len(items), "lists too long")
        return items

    @contextmanager
    def binding(self, names: tuple[str, ...]) -> Iterator[None]:
        """Loop variables, which hide what has the same names around the loop."""
        environment = self.environment
        hidden = {name: environment[name] for name in names if name in environment}
        yield
        for name in names:
            environment.pop(name, None)
        environment.update(hidden)

    def nested(self, prefix: str, body: Body, x: Tensor, label: str = "do") -> Tensor:
        """A body inside this one, its entries' names behind a prefix."""
        outer, self.prefix = self.prefix, self.prefix + prefix
        y = self.steps(body, x, label)
        self.prefix = outer
        return y

    def alone(self, body: Body, x: Tensor) -> BlockRun:
        """A body that sees no tensor of this one but x, as a run of its own."""
        frame = self.inside(x.shape)
        return frame.finish("do", frame.steps(body, frame.tensors[0], "do"), {})

    def inside(self, shape: Shape) -> Frame:
        """A frame of its own for what sees no tensor of this one but its input."""
        return Frame(self.evaluation, self.document, dict(self.environment), (shape,))

    def loop(self, step: Loop, x: Tensor) -> Tensor:
        environment = self.environment
        names = [tensor_key(name) for name in step.body.names]
        made: dict[str, list[Tensor | None]] = {name: [] for name in names}
        with self.binding(step.names):
            for turn, value in enumerate(self.sequence(step.over.evaluate(environment), "for ... in")):
                bind(environment, step.names, value)
                for name in names:
                    environment.pop(name, None)
                x = self.nested(f"{step.beside.path}.{turn}.", step.body, x)
                for name in names:
                    made[name].append(environment.get(name))
        for name in names:
            environment[name] = tuple(made[name])
        return x

    def branch(self, step: Branch, x: Tensor) -> Tensor:
        condition = _condition(step.condition.evaluate(self.environment), "if")
        if isinstance(condition, Expr):
            return alternatives(
                self, condition, lambda: self.steps(step.yes, x, "then"), lambda: self.steps(step.no, x, "else")
            )
        return self.steps(step.yes, x, "then") if condition else self.steps(step.no, x, "else")


def _label(step: Step, label: str, index: int) -> tuple[str, ...]:
    """A step in the block path of an error; `label` is its list's name, empty in a block's body."""
    word = step.beside.path
    is_block = isinstance(step, Call) and not isinstance(step.target, type)
    if not label:
        return () if is_block else (word,)
    return (f"{label}[{index}]",) if is_block or isinstance(step, Loop | Branch) else (f"{label}[{index}]", word)


def _condition(value: Any, what: str) -> Condition:
    if is_condition(value):
        return value  # type: ignore[no-any-return]  # checked above
    refuse_choice(value, what)
    raise RuleError(f"{what}: {describe(value)} is neither true nor false")
