"""The networks that a spec's claims can name, evaluated with the values of its vars and free sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from archtool.analysis.measures import Measures
from archtool.analysis.options import Options
from archtool.analysis.support import support
from archtool.claims.parts import Argument, Number, Reference, Step, Word
from archtool.claims.words import SEEN, SIZES, THIS
from archtool.design import load
from archtool.errors import RuleError, SpecError, Untraceable, nearest
from archtool.flatten import FlatNetwork, flat_network, layer_count
from archtool.layer import find, kinds
from archtool.network import Evaluation
from archtool.runs import BlockRun
from archtool.shape import Shape
from archtool.spec.catalog import find_shipped
from archtool.spec.expressions import Expression
from archtool.spec.library import Library
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.reader import Node, read_text
from archtool.spec.scope import is_kind
from archtool.spec.spec import Spec
from archtool.spec.values import WORK, Allowance, StepValue
from archtool.trace import Trace

INPUT: Final = "input"  # the argument that gives a network another input: [channels, height, width]
TURNS: Final = 2  # of a repeat that are told apart where a network is on symbols
MOST_LAYERS: Final = 20_000  # of a network whose layers are looked at one by one


class Placed(NamedTuple):
    """A network that a claim names, evaluated: what it is called, its run, its inputs' names, and the kinds that its
    published code calls as functions."""

    text: str
    run: BlockRun
    inputs: tuple[str, ...]
    functional: frozenset[str]

    def flat(self) -> FlatNetwork:
        """Its layers one by one; raises RuleError where they are too many."""
        return flat_network(self.run, self.inputs, MOST_LAYERS)

    @property
    def is_deep(self) -> bool:
        """Whether it has more layers than are looked at one by one."""
        return layer_count(self.run) > MOST_LAYERS

    def outline(self) -> FlatNetwork:
        """Its layers on symbols, or where they are many: of a repeat's equal turns the last one stands for all left."""
        return flat_network(self.run, self.inputs, MOST_LAYERS, TURNS)


class Roster:
    """Who can be named: `this`, the spec's designs, its blocks and what it includes, layer kinds, shipped specs.

    `names` are the vars and free sizes that may stand in claims. `base` is the spec as it stands, or in one design.
    """

    def __init__(self, base: Spec, library: Library) -> None:
        self.base = base
        self.library = library
        self.free = tuple(base.given)
        self.names = tuple(dict.fromkeys([*base.block.arguments, *base.given]))
        self._specs: dict[str, Spec] = {}

    def spec(self, name: str) -> Spec | None:
        """The spec of the design or shipped network of that name; None for a block of the spec, and a layer kind."""
        if name in self.base.blocks and name not in self.base.designs:
            return None
        if self.is_layer(name):
            return None
        if name not in self._specs:
            found = self._found(name)
            if not found.has_layers:
                raise RuleError(
                    f"'{name}' has no layers of its own; name one of its designs: {', '.join(found.designs)}"
                )
            self._specs[name] = found
        return self._specs[name]

    def _found(self, name: str) -> Spec:
        base = self.base
        if name in base.designs:
            return Spec(base.document, name, base.folder, library=self.library)
        if name in (THIS, base.name):
            return base
        if find_shipped(name) is not None:
            return load(name).spec
        known = [THIS, *base.designs, *base.blocks]
        raise RuleError(f"'{name}' names no network here" + nearest(name, [*known, *kinds()], known))

    def own_vars(self, name: str) -> frozenset[str]:
        """The vars that a design of the spec sets itself, so that no free size stands for them."""
        if name not in self.base.designs:
            return frozenset()
        designs = self.base.document.root.entries["designs"][1]
        node = designs.entries[name][1] if isinstance(designs, MappingNode) else None
        vars_ = node.entries.get("vars") if isinstance(node, MappingNode) else None
        return frozenset(vars_[1].entries) if vars_ is not None and isinstance(vars_[1], MappingNode) else frozenset()

    def is_layer(self, name: str) -> bool:
        """Whether a name means a layer kind by itself: nothing of the spec has that name."""
        return name in kinds() and name not in (THIS, self.base.name, *self.base.designs, *self.base.blocks)

    def is_ours(self, name: str) -> bool:
        """Whether a network has the spec's vars: it is the spec itself, or one of its designs."""
        return name in self.base.designs or (name in (THIS, self.base.name) and name not in self.base.blocks)

    def check(self, reference: Reference) -> None:
        """Raises RuleError for a name that is no network's, and for arguments that it does not have, or lacks."""
        given = dict(reference.arguments)
        needed: Iterable[str]
        if self.is_layer(reference.name):
            kind = find(reference.name)
            what, known, needed = "field", list(kind.field_kinds()), kind.required()
            if kind.is_join or kind.sides:
                raise RuleError(f"'{kind.kind}' takes several tensors; make a block of it and name that")
        else:
            spec = self.spec(reference.name)
            block = self.base.blocks[reference.name] if spec is None else spec.block
            what, known = "argument" if spec is None else "var", list(block.arguments)
            needed = block.required if spec is None else ()
        for name in given:
            if name not in (*known, INPUT):
                raise RuleError(f"'{reference.name}' has no {what} '{name}'" + nearest(name, [*known, INPUT]))
        for name in needed:
            if name not in given:
                raise RuleError(f"'{reference.name}' needs the {what} '{name}': {reference.name}({name}=...)")
        for value in given.values():
            self.check_argument(value)

    def check_argument(self, value: Argument) -> None:
        """Raises ArchtoolError for a word that means nothing, and for a step whose fields are not its kind's."""
        if isinstance(value, Word):
            self.word(value)
        elif isinstance(value, Step):
            target = self.target(value)
            allowed = target.field_kinds() if is_kind(target) else target.arguments
            for name, inner in value.fields:
                if name not in allowed:
                    raise RuleError(f"'{value.word}' has no field '{name}'" + nearest(name, allowed))
                self.check_argument(inner)

    def word(self, word: Word) -> Any:
        """What a word, or a text in quotes, means as a value in the spec."""
        document = read_text("value: " + word.text, f"'{word.text}'")
        try:
            return self.base.value(document.root.entries["value"][1], document)
        except SpecError as error:
            raise RuleError(error.reason) from None

    def target(self, step: Step) -> Any:
        """The layer kind or block of a step."""
        found: Any = self.base.blocks.get(step.word) or (find(step.word) if step.word in kinds() else None)
        if found is None:
            known = [*self.base.blocks, *kinds()]
            raise RuleError(f"'{step.word}' is no layer kind or block" + nearest(step.word, known))
        return found

    def used(self, reference: Reference) -> frozenset[str]:
        """The free sizes that a network depends on."""
        found = self.reached(frozenset().union(*(_uses(value) for _, value in reference.arguments)))
        given = dict(reference.arguments)
        if self.is_ours(reference.name):
            spec = self.spec(reference.name)
            assert spec is not None  # it is the spec's own
            return found | self.reached(spec.reads - self.own_vars(reference.name) - given.keys())
        inputs = frozenset().union(*(_input_uses(form) for _, form in self.base.inputs.values()))
        return found if INPUT in given or self.spec(reference.name) is not None else found | self.reached(inputs)

    def reached(self, names: Iterable[str]) -> frozenset[str]:
        """Free sizes among some vars, and those that these vars are made of."""
        return self.behind(names) & {*self.free}

    def behind(self, names: Iterable[str]) -> frozenset[str]:
        """Some vars, and the vars and free sizes that they are made of."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                value = None if name in self.free else self.base.block.arguments.get(name)
                todo += [] if value is None else value.uses
        return frozenset(found)

    def reading(self, values: Mapping[str, Any], trace: Trace | None = None) -> Reading:
        """The networks where the free sizes have these values, or are symbols of a trace."""
        return Reading(self, values, trace)


class Reading:
    """Networks and their numbers where free sizes have values (or are symbols); each is evaluated once."""

    def __init__(self, roster: Roster, values: Mapping[str, Any], trace: Trace | None) -> None:
        self.roster = roster
        self.values = values
        self.evaluation = Evaluation(trace)
        base = roster.base.block
        self.environment = self.evaluation.vars(base, {k: v for k, v in values.items() if k in base.arguments})
        self.environment |= values
        self._placed: dict[str, Placed] = {}
        self._measures: dict[Any, Measures] = {}

    def placed(self, reference: Reference) -> Placed:
        """A network that is named; raises ArchtoolError where there is none such, or it is none with these values."""
        if reference.text not in self._placed:
            self._placed[reference.text] = self._evaluated(reference)
        return self._placed[reference.text]

    def number(self, number: Number) -> Any:
        """A number of a network (not one of BOUNDED)."""
        placed = self.placed(number.subject)
        if number.function in SIZES:
            shape = placed.run.output.shape
            if number.function == "channels":
                return shape.channels
            if len(shape.spatial) != 2 or shape.is_tokens:
                raise RuleError(f"{number.text}: the output {shape} has no height and width")
            return shape.spatial[SIZES.index(number.function) - 1]
        if number.function == SEEN:
            if self.evaluation.trace is not None:
                raise Untraceable(f"{number.text} on sizes that vary")
            return support(placed.flat(), clipped=False).count
        key = (number.subject.text, number.options)
        if key not in self._measures:
            self._measures[key] = Measures(placed.run, Options(**dict(number.options)), placed.functional)
        return self._measures[key].of(number.function)

    def _evaluated(self, reference: Reference) -> Placed:
        roster, name = self.roster, reference.name
        arguments = {key: self.argument(value) for key, value in reference.arguments}
        shape = self._shape(arguments.pop(INPUT)) if INPUT in arguments else None
        if roster.is_layer(name):
            return self._layer(reference, arguments, shape)
        spec = roster.spec(name)
        block = roster.base.blocks[name] if spec is None else spec.block
        if spec is None:
            x = shape or next(iter(self._inputs(roster.base, self.environment).values()))
            run = self.evaluation.block(block, arguments, x)
            return Placed(reference.text, run, ("input",), roster.base.functional)
        if roster.is_ours(name):
            own = roster.own_vars(name)
            free = {key: value for key, value in self.values.items() if key in block.arguments and key not in own}
            arguments = {**free, **arguments}
        environment = self.evaluation.vars(block, arguments)
        inputs = self._inputs(spec, environment)
        if shape is not None:
            inputs = {**inputs, next(iter(inputs)): shape}
        run = self.evaluation.network(block, environment, inputs)
        return Placed(reference.text, run, tuple(inputs), spec.functional)

    def _layer(self, reference: Reference, fields: Mapping[str, Any], shape: Shape | None) -> Placed:
        """A layer kind by itself, at the spec's input."""
        kind = find(reference.name)
        x = shape or next(iter(self._inputs(self.roster.base, self.environment).values()))
        step = StepValue(kind, kind.kind, tuple(fields), tuple(fields.values()))
        run = self.evaluation.block(_alone(kind.kind).blocks["alone"], {"step": step}, x)
        return Placed(reference.text, run, ("input",), frozenset())

    def _inputs(self, spec: Spec, environment: Mapping[str, Any]) -> dict[str, Shape]:
        return spec.shapes(dict(environment))

    def _shape(self, value: Any) -> Shape:
        if not isinstance(value, tuple) or not value:
            raise RuleError("input is a list: [channels], [channels, length], [channels, height, width] ...")
        return Shape(value[0], tuple(value[1:]))

    def argument(self, value: Argument) -> Any:
        """The value of an argument: a number, a list, a word or a step."""
        if isinstance(value, Expression):
            return value.evaluate({**self.environment, WORK: Allowance(100_000)})
        if isinstance(value, Word):
            return self.roster.word(value)
        target = self.roster.target(value)
        fields = {name: self.argument(inner) for name, inner in value.fields}
        return StepValue(target, value.word, tuple(fields), tuple(fields.values()))


def _alone(kind: str) -> Spec:
    """A layer kind as a network of its own: the block 'alone' runs the step that it is given."""
    text = (
        f"archtool: 1\nname: {kind}\ninput: [1]\n"
        "blocks: {alone: {args: {step: required}, body: [step]}}\nlayers: [identity]\n"
    )
    return Spec(read_text(text, f"<{kind}>"))


def _uses(value: Argument) -> frozenset[str]:
    if isinstance(value, Expression):
        return value.uses
    if isinstance(value, Step):
        return frozenset().union(*(_uses(inner) for _, inner in value.fields))
    return frozenset()


def _input_uses(form: Any) -> frozenset[str]:
    forms = (form,) if isinstance(form, Expression) else tuple(form.values())
    return frozenset().union(*(each.uses for each in forms))


def domains(spec: Spec) -> dict[str, Any]:
    """The values that the free sizes may take: ranges, or lists of values; raises SpecError."""
    given = spec.document.root.entries.get("given")
    entries = given[1].entries if given is not None and isinstance(given[1], MappingNode) else {}
    found: dict[str, Any] = {}
    for name, (_, node) in entries.items():
        items: list[Node] = getattr(node, "items", [])
        found[name] = tuple([spec.value(item, spec.document) for item in items]) if items else spec.given[name]
    return found
