"""A compiled spec evaluated: shapes, costs and fields of everything in it, on numbers or on expressions.

Each distinct (block, arguments, input) and each distinct (layer, input) is evaluated once. A repeat whose body maps
its own output shape to itself is algebra: first + (n - 1) * steady, whatever n. Where a condition stays open (on
expressions only) both alternatives are evaluated and merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from archtool.errors import ENDS_SHOWN, RuleError, SpecError, Untraceable
from archtool.field import Field, identity
from archtool.frame import Frame
from archtool.layer import Layer
from archtool.runs import BlockRun, LayerRun, Problem, layer_run, read_layer
from archtool.shape import Shape
from archtool.spec.lists import is_list, items_held
from archtool.spec.steps import Block
from archtool.spec.values import HERE, INPUT, WORK, Allowance, Environment, Tensor, tensor_key
from archtool.trace import Trace

MAX_WORK: Final = 2_000_000  # steps, turns and list items that one evaluation may take
PHASE_WORK: Final = 4  # of which a phase of a field takes as many
MAX_NESTED_BLOCKS: Final = 64
WORK_OF_A_BLOCK: Final = 50  # what evaluating one more block takes of that: its run is kept

T = TypeVar("T")


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
            reason = "blocks and joins are nested too deeply"
            if self.trace is not None:  # alternatives within alternatives, of which a design alone has one each
                raise Untraceable(f"{reason} for several designs at once") from None
            raise SpecError(reason, block.document.at(block.node)) from None

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
                    if name in block.nodes:
                        raise SpecError(f"{name}: {error}", block.document.at(block.nodes[name])) from None
                    raise SpecError(f"the var '{name}', set to {default.text}: {error}") from None
        return environment

    def block(self, block: Block, given: Mapping[str, Any], shape: Shape) -> BlockRun:
        """A block at an input; evaluated once for each distinct (block, arguments, input)."""
        for value in given.values():
            if is_list(value):  # the key is hashed
                self.allowance.spend(items_held(value), "lists too long")
        key = (block, tuple(given.items()), tuple(map(type, given.values())), shape)
        run = self.blocks.get(key)
        if run is None:
            if block in self.active:
                chain = " > ".join(
                    each.name for each in [*self.active[self.active.index(block) :], block][-ENDS_SHOWN:]
                )
                raise RuleError(f"block '{block.name}' contains itself ({chain})")
            if len(self.active) >= MAX_NESTED_BLOCKS:
                raise RuleError(f"blocks are nested more than {MAX_NESTED_BLOCKS} deep")
            self.allowance.spend(WORK_OF_A_BLOCK, "too many different blocks")
            self.active.append(block)
            try:
                source = Tensor(shape, (identity(shape.axes),), 0)
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
        types = tuple(map(type, values))  # 1 and true are equal, and not the same
        key = (cls, names, values, types, x)
        run = self.layers.get(key)
        if run is None:
            if self.trace is None:
                run = layer_run(read_layer(cls, names, values, types), x)  # type: ignore[arg-type]  # a class is hashable
            else:
                run = self.watched(lambda: layer_run(cls.read(dict(zip(names, values, strict=True))), x))
            self.layers[key] = run
            self.spend_on_phases(run.field)
        return run

    def spend_on_phases(self, field: Field | None) -> None:
        """Fields of many phases take time and room: they count as work."""
        if field is not None:
            for axis in field.axes:
                if len(axis.phases) > 1:
                    self.allowance.spend(PHASE_WORK * len(axis.phases), "fields of too many phases")

    def watched(self, make: Callable[[], LayerRun]) -> LayerRun:
        """A run with the problems that its rules left in the trace."""
        run, problems = self.watch(make)
        return run._replace(problems=problems) if problems else run

    def watch(self, make: Callable[[], T]) -> tuple[T, tuple[Problem, ...]]:
        """What is made, and the problems that its rules left in the trace."""
        if self.trace is None:
            return make(), ()
        outer, self.trace.problems = self.trace.problems, []
        try:
            return make(), tuple([Problem(holds, rule) for holds, rule in self.trace.problems])
        finally:
            self.trace.problems = outer
