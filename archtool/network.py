"""A compiled spec evaluated: shapes, costs and fields of everything in it, on numbers or on expressions.

Each distinct (block, arguments, input) and each distinct (layer, input) is evaluated once. A repeat whose body maps
its own output shape to itself is algebra: first + (n - 1) * steady, whatever n. Where a condition stays open (on
expressions only) both alternatives are evaluated and merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

from archtool.cost import Cost, total, without_params
from archtool.errors import RuleError, SpecError, Untraceable
from archtool.field import POINTWISE, Field, hull, identity
from archtool.fields import describe
from archtool.layer import FieldError, Join, Layer, find
from archtool.merging import merge_fields, merge_shapes
from archtool.runs import BlockRun, Entry, LayerRun, Problem, Run
from archtool.shape import Shape
from archtool.size import Condition, Size, any_of, less, negate, where
from archtool.spec.compiler import with_fields
from archtool.spec.expressions import Expression, bind, is_list, sequence
from archtool.spec.numbers import Ratio, is_number
from archtool.spec.reader import Document
from archtool.spec.reader import Node
from archtool.spec.steps import Block, Body, Branch, Call, Fields, Group, Loop, Merge, Path, Step
from archtool.spec.values import HERE, INPUT, WORK, Allowance, Environment, StepValue, Tensor, tensor_key
from archtool.trace import Expr, Trace

MAX_WORK: Final = 2_000_000  # steps, turns and list items that one evaluation may take
MAX_NESTED_BLOCKS: Final = 64
MAX_UNROLLED: Final = 100_000  # turns of a repeat whose body changes its shape


class Evaluation:
    """Evaluates blocks and layers, each distinct one once; `trace` where sizes are expressions."""

    def __init__(self, trace: Trace | None = None) -> None:
        self.trace = trace
        self.layers: dict[Any, LayerRun] = {}
        self.blocks: dict[Any, BlockRun] = {}
        self.allowance = Allowance(MAX_WORK)
        self.active: list[Block] = []

    def vars(self, block: Block, given: Mapping[str, Any]) -> Environment:
        """The values of a network's vars: those given, and the defaults of the others."""
        return self._arguments(block, given, {WORK: self.allowance})

    def network(self, block: Block, environment: Environment, inputs: Mapping[str, Shape]) -> BlockRun:
        """Evaluate a whole network with these vars on its inputs, by name."""
        try:
            shapes = tuple(inputs.values())
            return self._body(block, dict(environment), shapes, tuple(inputs), "layers")
        except RecursionError:
            raise SpecError("blocks and joins are nested too deeply", block.document.at(block.node)) from None

    def _arguments(self, block: Block, given: Mapping[str, Any], environment: Environment) -> Environment:
        """An environment with a block's arguments, defaults filled in."""
        for name, default in block.arguments.items():
            if name in given:
                environment[name] = given[name]
            elif default is None:
                raise RuleError(f"'{block.name}' needs the argument '{name}'")
            else:
                try:
                    environment[name] = default.evaluate(environment)
                except RuleError as error:
                    node = block.nodes.get(name, block.node)
                    raise SpecError(f"{name}: {error}", block.document.at(node)) from None
        return environment

    def block(self, block: Block, given: Mapping[str, Any], shape: Shape) -> BlockRun:
        """A block at an input; evaluated once for each distinct (block, arguments, input)."""
        key = (block, tuple(given.items()), shape)
        run = self.blocks.get(key)
        if run is None:
            if block in self.active:
                chain = " > ".join(each.name for each in [*self.active[self.active.index(block) :], block])
                raise RuleError(f"block '{block.name}' contains itself ({chain})")
            if len(self.active) >= MAX_NESTED_BLOCKS:
                raise RuleError(f"blocks are nested more than {MAX_NESTED_BLOCKS} deep")
            self.active.append(block)
            try:
                source = Tensor(shape, (identity(shape.spatial),), 0)
                environment = self._arguments(block, given, {INPUT: source, HERE: source, WORK: self.allowance})
                run = self._body(block, environment, (shape,), ("input",), "")
            except SpecError as error:
                error.path = (block.name, *error.path)
                raise
            finally:
                self.active.pop()
            self.blocks[key] = run
        return run

    def _body(
        self, block: Block, environment: Environment, shapes: tuple[Shape, ...], names: tuple[str, ...], label: str
    ) -> BlockRun:
        frame = Frame(self, block.document, environment, shapes)
        environment[INPUT] = frame.tensors[0]
        for name, tensor in zip(names, frame.tensors, strict=True):
            environment[tensor_key(name)] = tensor
        output = frame.steps(block.body, frame.tensors[0], label)
        outputs = {name: frame.tensor(environment.get(tensor_key(name)), name) for name in block.outputs}
        return frame.finish(block.name, output, outputs)

    def layer(self, cls: type[Layer], names: tuple[str, ...], values: tuple[Any, ...], x: Shape) -> LayerRun:
        """A layer at an input; evaluated once for each distinct (layer, input)."""
        key = (cls, names, values, x)
        run = self.layers.get(key)
        if run is None:
            if self.trace is None:
                run = layer_run(_layer(cls, names, values), x)
            else:
                run = self.watched(lambda: layer_run(cls.read(dict(zip(names, values, strict=True))), x))
            self.layers[key] = run
        return run

    def watched(self, make: Callable[[], LayerRun]) -> LayerRun:
        """A run with the problems that its rules left in the trace."""
        if self.trace is None:
            return make()
        outer, self.trace.problems = self.trace.problems, []
        run = make()
        problems = tuple(Problem(holds, rule) for holds, rule in self.trace.problems)
        self.trace.problems = outer
        return run._replace(problems=problems)


@lru_cache(maxsize=4096)
def _layer(cls: type[Layer], names: tuple[str, ...], values: tuple[Any, ...]) -> Layer:
    """A layer with these fields; layers are immutable values, so one serves everywhere."""
    return cls.read(dict(zip(names, values, strict=True)))


def layer_run(written: Layer, x: Shape) -> LayerRun:
    """Everything about a layer at an input."""
    layer = written.resolve(x)
    window = layer.window(x)
    y = layer.shape(x, window)
    field = layer.field(x, window)
    if field.axes:
        field = field.settled(y.spatial)
    elements = y.elements
    cost = Cost(
        params=layer.params(x),
        operations=layer.operations(x, y),
        activations=elements,
        conv_activations=elements if layer.is_conv else 0,
        read=x.elements,
    )
    return LayerRun(written.kind, layer, (x,), y, cost, field)


def join_run(layer: Join, inputs: tuple[Shape, ...]) -> LayerRun:
    """Everything about a join at its inputs; its field is the hull of its paths', which the body knows."""
    y = layer.joined(inputs)
    read: Size = 0
    for x in inputs:
        read = read + x.elements
    cost = Cost(operations=layer.joining(inputs, y), activations=y.elements, read=read)
    return LayerRun(layer.kind, layer, inputs, y, cost, Field(()))


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
        self.prefix = ""
        self.count: Size = 1
        self.shared: dict[str, tuple[Any, ...]] = {}
        sources = len(shapes)
        for index, shape in enumerate(shapes):
            fields = tuple(identity(shape.spatial) if index == other else None for other in range(sources))
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
        cost = total(part for entry in self.entries for part in _costs(entry))
        return BlockRun(
            kind, self.inputs, output, outputs, cost, tuple(self.entries), tuple(self.tensors), tuple(self.problems)
        )

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
            y = self.repeat(step, x)
        elif type(step) is Call:
            y = self.call(step, x)
        elif type(step) is Merge:
            y = self.merge(step, x)
        elif type(step) is Loop:
            return self.loop(step, x)
        elif type(step) is Branch:
            return self.branch(step, x)
        else:
            y = self.nested(step.beside.path + ".", step.body, x)  # type: ignore[union-attr]  # a Group
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
        if value is None:
            raise RuleError(f"'{what}' has no tensor: the branch that makes it is not taken")
        raise RuleError(f"'{what}' is {describe(value)}, not one tensor")

    # --- layers and blocks --------------------------------------------------------------------------------------

    def call(self, step: Call, x: Tensor) -> Tensor:
        fields = step.fields
        run = self.run(step, fields.names, _values(fields, self.environment), x)
        return self.place(step.beside.path, run, x, step)

    def run(self, step: Call, names: tuple[str, ...], values: tuple[Any, ...], x: Tensor) -> Run:
        """What a call stands for, at an input."""
        target: Any = step.target
        if type(target) is Expression:
            held = target.evaluate(self.environment)
            if step.other is not None and not isinstance(held, StepValue):
                target = step.other
            else:
                chosen = with_fields(held, step.word, tuple(zip(names, values, strict=True)))
                target, names, values = chosen.target, chosen.names, chosen.values
        if type(target) is Block:
            given = dict(zip(names, values, strict=True))
            for name in given:
                if name not in target.arguments:
                    raise RuleError(f"block '{target.name}' has no argument '{name}'")
            return self.evaluation.block(target, given, x.shape)
        if target.is_join:
            raise RuleError(f"the join '{target.kind}' can't be used as a value")
        return self.evaluation.layer(target, names, values, x.shape)

    def place(
        self, name: str, run: Run, x: Tensor, step: Step, turn: int | None = None, turns: Size = 1
    ) -> Tensor:
        """Put some turns of a run behind a tensor; what comes out."""
        if type(run) is LayerRun:
            y = self.add(run.output, _through(x, run.field, turns))
        else:
            block: BlockRun = run  # type: ignore[assignment]  # the other of the two
            outputs = {
                label: self.add(tensor.shape, _through(x, tensor.fields[0])) for label, tensor in block.outputs.items()
            }
            y = self.add(block.output.shape, _through(x, block.output.fields[0], turns), outputs)
        self.enter(name, run, (x.number,), y, step, turn, turns)
        return y

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
        shares = step.beside.shares
        owns = shares is None or self.owns(shares, run)
        name = self.prefix + name
        self.entries.append(
            Entry(name, run, sources, y.number, step.beside.node, self.count, shares, owns, turn, turns)
        )
        for problem in run.problems:
            self.problems.append(Problem(problem.holds, f"{name}: {problem.rule}"))

    def owns(self, label: str, run: Run) -> bool:
        """Whether weights of this label are counted here: at their first use."""
        use = (run.kind, run.layer.key if isinstance(run, LayerRun) else None, run.cost.params)
        if label not in self.shared:
            self.shared[label] = use
            return True
        if self.shared[label] != use:
            raise RuleError(f"steps that share '{label}' must have the same fields and the same number of weights")
        return False

    # --- joins --------------------------------------------------------------------------------------------------

    def merge(self, step: Merge, x: Tensor) -> Tensor:
        ends: list[Tensor] = []
        labels: list[str] = []
        if step.beside.at is not None:
            start = step.beside.at.evaluate(self.environment)
            if not step.paths:
                tensors = sequence(start, "the tensors of a join") if is_list(start) else (start,)
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
                    return self.alternatives(
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
            for turn, value in enumerate(sequence(path.values.evaluate(environment), f"the values of {path.label}")):
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
        fields = tuple(
            _joined_field([end.fields[source] for end in ends], run.output) for source in range(len(x.fields))
        )
        y = self.add(run.output, fields)
        self.enter(step.beside.path, run, tuple([end.number for end in ends]), y, step)
        return y

    # --- repeats, loops, branches -------------------------------------------------------------------------------

    def nested(self, prefix: str, body: Body, x: Tensor, label: str = "do") -> Tensor:
        """A body inside this one, its entries' names behind a prefix."""
        outer, self.prefix = self.prefix, self.prefix + prefix
        y = self.steps(body, x, label)
        self.prefix = outer
        return y

    def repeat(self, step: Step, x: Tensor) -> Tensor:
        """Turn after turn until the shape stays; then the turns that are left, as one."""
        assert step.beside.repeat is not None
        n = _turns(step.beside.repeat.evaluate(self.environment))
        path = step.beside.path
        if isinstance(step, Group) and step.body.reads_outside:
            return self.unrolled(step, n, x)
        turn = 0
        while True:
            more = less(turn, n)
            if more is False:
                return x
            if isinstance(more, Expr):
                at = turn
                return self.alternatives(more, lambda: self.rest(step, at, n, x), lambda: x)  # noqa: B023 - called at once
            self.evaluation.allowance.spend(1, "too many turns")
            run = self.turn(step, turn, x)
            output = run.output.shape if isinstance(run, BlockRun) else run.output
            is_steady = turn > 0 or step.beside.first is None
            if is_steady and output == x.shape:
                return self.place(f"{path}.{turn}", run, x, step, turn, n - turn)
            x = self.place(f"{path}.{turn}", run, x, step, turn)
            turn += 1
            if turn > MAX_UNROLLED:
                raise RuleError(f"a repeat whose body changes its shape stops at {MAX_UNROLLED:,} turns")

    def rest(self, step: Step, turn: int, n: Size, x: Tensor) -> Tensor:
        """The turns from `turn` on of a varying number n > turn."""
        run = self.turn(step, turn, x)
        output = run.output.shape if isinstance(run, BlockRun) else run.output
        path = step.beside.path
        if (turn > 0 or step.beside.first is None) and output == x.shape:
            return self.place(f"{path}.{turn}", run, x, step, turn, n - turn)
        if turn > 1:
            raise Untraceable("the number of turns of a body that changes its shape varies")
        y = self.place(f"{path}.{turn}", run, x, step, turn)
        more = less(turn + 1, n)
        if isinstance(more, Expr):
            return self.alternatives(more, lambda: self.rest(step, turn + 1, n, y), lambda: y)
        return self.rest(step, turn + 1, n, y) if more else y

    def turn(self, step: Step, turn: int, x: Tensor) -> Run:
        """One turn of a repeated step."""
        self.environment[HERE] = x
        if isinstance(step, Call):
            fields = step.fields
            values = _values(fields, self.environment)
            first = step.beside.first
            if turn == 0 and first is not None:
                merged = dict(zip(fields.names, values, strict=True))
                merged.update(zip(first.names, _values(first, self.environment), strict=True))
                return self.run(step, tuple(merged), tuple(merged.values()), x)
            return self.run(step, fields.names, values, x)
        assert isinstance(step, Group)
        frame = Frame(self.evaluation, self.document, dict(self.environment), (x.shape,))
        return frame.finish("do", frame.steps(step.body, frame.tensors[0], "do"), {})

    def unrolled(self, step: Group, n: Size, x: Tensor) -> Tensor:
        """Turns that read tensors of this body: one after the other."""
        if not isinstance(n, int):
            raise Untraceable("the number of turns of a body that reads other tensors varies")
        if n > MAX_UNROLLED:
            raise RuleError(f"a repeat whose body reads other tensors stops at {MAX_UNROLLED:,} turns")
        for turn in range(n):
            x = self.nested(f"{step.beside.path}.{turn}.", step.body, x)
        return x

    def loop(self, step: Loop, x: Tensor) -> Tensor:
        environment = self.environment
        names = [tensor_key(name) for name in step.body.names]
        made: dict[str, list[Tensor | None]] = {name: [] for name in names}
        for turn, value in enumerate(sequence(step.over.evaluate(environment), "for ... in")):
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
            return self.alternatives(condition, lambda: self.steps(step.yes, x, "then"), lambda: self.steps(step.no, x, "else"))
        return self.steps(step.yes, x, "then") if condition else self.steps(step.no, x, "else")

    # --- open conditions ----------------------------------------------------------------------------------------

    def alternatives(self, condition: Expr, yes: Callable[[], Tensor], no: Callable[[], Tensor]) -> Tensor:
        """Both alternatives of an open condition, merged; one that fails is a problem of the designs that take it."""
        environment, count = self.environment, self.count
        ends: list[tuple[Tensor, Environment]] = []
        failures: list[SpecError | RuleError] = []
        for holds, run in ((condition, yes), (negate(condition), no)):
            before = len(self.problems), len(self.entries), len(self.tensors), self.prefix
            self.environment, self.count = dict(environment), count * where(holds, 1, 0)
            try:
                ends.append((run(), self.environment))
                for index in range(before[0], len(self.problems)):
                    problem = self.problems[index]
                    self.problems[index] = problem._replace(holds=any_of(negate(holds), problem.holds))
            except (SpecError, RuleError) as error:
                failures.append(error)
                del self.problems[before[0] :], self.entries[before[1] :], self.tensors[before[2] :]
                self.prefix = before[3]
                self.problems.append(Problem(negate(holds), str(error)))
        self.count = count
        if not ends:
            raise failures[0]
        if len(ends) == 1:
            end, self.environment = ends[0]
            return end
        (left, left_environment), (right, right_environment) = ends
        self.environment = self.merged(condition, left_environment, right_environment)
        return self.merged_tensor(condition, left, right)

    def merged_tensor(self, condition: Expr, yes: Tensor, no: Tensor) -> Tensor:
        if yes is no:
            return yes
        fields = tuple(merge_fields(condition, a, b) for a, b in zip(yes.fields, no.fields, strict=True))
        return self.add(merge_shapes(condition, yes.shape, no.shape), fields)

    def merged(self, condition: Expr, yes: Environment, no: Environment) -> Environment:
        """The environment after an open condition: names that both alternatives know."""
        merged: Environment = {}
        for name, value in yes.items():
            if name in no:
                other = no[name]
                same = value is other or not (isinstance(value, Tensor) and isinstance(other, Tensor))
                merged[name] = value if same else self.merged_tensor(condition, value, other)
        return merged


def _costs(entry: Entry) -> Iterator[tuple[Cost, Size]]:
    """An entry's costs and how often each counts; shared weights count once, whatever the turns."""
    cost = entry.run.cost
    if entry.shares is None:
        yield cost, entry.count * entry.turns
        return
    yield without_params(cost), entry.count * entry.turns
    if entry.owns_weights:
        yield Cost(params=cost.params), entry.count


def _values(fields: Fields, environment: Environment) -> tuple[Any, ...]:
    """The values of fields; raises FieldError for the one that can't be evaluated."""
    if fields.constants is not None:
        return fields.constants
    values = []
    for name, value in zip(fields.names, fields.values, strict=True):
        try:
            values.append(value.evaluate(environment))
        except RuleError as error:
            raise FieldError(name, f"{name}: {error} (in '{value.text}')") from None
    return tuple(values)


def _through(x: Tensor, inner: Field | None, turns: Size = 1) -> tuple[Field | None, ...]:
    """The fields of a tensor that sees x by `inner`, some turns of it."""
    if inner is None:
        return (None,) * len(x.fields)
    if turns != 1:
        inner = inner.power(turns)
    elif inner is POINTWISE:
        return x.fields
    return tuple([f and f.then(inner) for f in x.fields])


def _joined_field(fields: list[Field | None], output: Shape) -> Field | None:
    known = [field for field in fields if field is not None]
    if len(known) < 2:
        return known[0] if known else None
    return hull(known, output.spatial).settled(output.spatial)


def _label(step: Step, label: str, index: int) -> tuple[str, ...]:
    """A step in the block path of an error; `label` is its list's name, empty in a block's body."""
    word = step.beside.path
    if not label:
        return (word,)
    is_block = isinstance(step, Call) and not isinstance(step.target, type)
    return (f"{label}[{index}]",) if is_block or isinstance(step, Loop | Branch) else (f"{label}[{index}]", word)


def _condition(value: Any, what: str) -> Condition:
    if isinstance(value, bool) or (isinstance(value, Expr) and (value.low, value.high) == (0, 1)):
        return value
    raise RuleError(f"{what}: {describe(value)} is neither true nor false")


def _turns(value: Any) -> Size:
    if isinstance(value, Expr):
        return value
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, Ratio) or not is_number(value):
        raise RuleError(f"repeat: {describe(value)} is not a whole number of at least 0")
    raise RuleError(f"repeat: {describe(value)} is not a whole number of at least 0")
