"""What words mean at one place of a spec: its blocks, variables and tensors; values and fields made ready.

A `Scope` also knows where it is, so that every error names its place and block path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeGuard

from archtool.errors import RuleError, SpecError, nearest
from archtool.fields import describe
from archtool.layer import Layer, find, is_word, kinds, words
from archtool.spec.expressions import NAME, Expression, compile_expression, constant, number, suggestion
from archtool.spec.lists import is_list, made
from archtool.spec.naming import BESIDE
from archtool.spec.reader import Document, Node, Scalar, Sequence
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.steps import Block, Fields, in_dependency_order
from archtool.spec.values import StepValue

NO_FIELDS: Final = Fields((), (), (), ())
RESERVED: Final = ("x", "input", "output", "true", "false")


class Vocabulary:
    """The blocks that a document's steps can name: its own and those it includes, by alias."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.blocks: dict[str, Block] = {}

    def target(self, word: str) -> type[Layer] | Block | None:
        """The block or layer kind of that name, blocks first."""
        return self.blocks.get(word) or (find(word) if word in kinds() else None)


class Scope:
    """The names that one block (or a network, whose arguments are its vars) can use, and where in it we are.

    `touched` gathers the names that compiled expressions read in the body that is being compiled, `reads` those of all
    bodies; `tensors` are the names of the body's tensors.
    """

    def __init__(self, vocabulary: Vocabulary, path: tuple[str, ...]) -> None:
        self.vocabulary = vocabulary
        self.document = vocabulary.document
        self.path = path
        self.variables: frozenset[str] = frozenset()
        self.tensors: set[str] = set()
        self.touched: set[str] = set()
        self.reads: set[str] = set()
        self.cache: dict[str, Expression] = {}

    # --- errors -------------------------------------------------------------------------------------------------

    def fail(self, node: Node, reason: str, *hints: str) -> NoReturn:
        raise SpecError(reason, self.document.at(node), self.path, hints)

    @contextmanager
    def within(self, *labels: str) -> Iterator[None]:
        """Adds to the block path of errors."""
        outer, self.path = self.path, (*self.path, *labels)
        yield
        self.path = outer

    # --- forms --------------------------------------------------------------------------------------------------

    def mapping(self, node: Node, what: str) -> dict[str, tuple[Scalar, Node]]:
        """The entries of a mapping; nothing at all is an empty one."""
        if isinstance(node, MappingNode):
            return node.entries
        if isinstance(node, Scalar) and not node.text and not node.quoted:
            return {}
        self.fail(node, f"{what} must be a mapping, like {{name: value}}")

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if isinstance(node, Sequence):
            return node.items
        hint = f"write [{node.text}]" if isinstance(node, Scalar) and node.text else ""
        self.fail(node, f"{what} must be a list", *([hint] if hint else []))

    def identifier(self, node: Node, what: str) -> str:
        """A name that can stand in expressions."""
        if not isinstance(node, Scalar) or not NAME.fullmatch(node.text):
            self.fail(node, f"{what} must be a name (letters, digits and _)")
        if node.text in RESERVED:
            self.fail(node, f"'{node.text}' can't be {what}: it has a meaning of its own")
        return node.text

    # --- values -------------------------------------------------------------------------------------------------

    def value(self, node: Node) -> Expression:
        """A value: number, truth value, list, expression, word or step."""
        if isinstance(node, Scalar):
            return self.scalar(node)
        if isinstance(node, Sequence):
            return _listing([self.value(item) for item in node.items])
        return self.step_value(node)

    def scalar(self, node: Scalar) -> Expression:
        text = node.text
        found = self.cache.get(text)
        if found is None:
            found = self._compile_scalar(node)
            self.cache[text] = found
        if found.uses:
            self.touched.update(found.uses)
            self.reads.update(found.uses)
        return found

    def _compile_scalar(self, node: Scalar) -> Expression:
        text = node.text
        if not text.strip():
            self.fail(node, "a value is missing")
        try:
            plain = number(text)
            if plain is not None:
                return plain
            if not NAME.fullmatch(text) or text in self.variables or text in self.tensors or text in RESERVED:
                return compile_expression(text, self.variables, self.tensors)
        except RuleError as error:
            self.fail(node, str(error))
        target = self.vocabulary.target(text)
        if target is not None:
            return constant(text, StepValue(target, text))
        if is_word(text):
            return constant(text, text)
        known = [*self.variables, *self.vocabulary.blocks, *kinds(), *words()]
        self.fail(node, f"unknown word '{text}'" + suggestion(text, known, self.variables))

    def step_value(self, node: MappingNode) -> Expression:
        if len(node.entries) != 1:
            self.fail(node, "a step as a value has one kind and its fields, like {conv: {out: 8, kernel: 3}}")
        ((word, (key, fields_node)),) = node.entries.items()
        if word in self.variables:
            target: Any = self.scalar(Scalar(word, False, key.line, key.column))
        else:
            target = self.known(key)
        if is_kind(target) and target.is_join:
            self.fail(key, f"a join can't be a value; make a block of '{word}' and name it")
        if is_kind(target) and target.sides:
            self.fail(key, f"'{word}' takes a tensor beside its input, so that it can't be a value; write it as a step")
        fields = self.fields(fields_node, word, target)
        names = fields.names
        getters = [value.evaluate for value in fields.values]

        def evaluate(environment: dict[str, Any]) -> StepValue:
            values = tuple([getter(environment) for getter in getters])
            if isinstance(target, Expression):
                return with_fields(target.evaluate(environment), word, tuple(zip(names, values, strict=True)))
            return StepValue(target, word, names, values)

        uses = frozenset().union(*(value.uses for value in fields.values))
        return Expression(word, evaluate, uses | target.uses if isinstance(target, Expression) else uses)

    def fields(self, node: Node, word: str, target: Any) -> Fields:
        """Fields or arguments for a target, each checked as far as it can be now."""
        entries = self.mapping(node, f"the fields of '{word}'")
        if not entries:
            return NO_FIELDS
        names, values, nodes = [], [], []
        for name, (key, value_node) in entries.items():
            self.check_name(key, word, target)
            value = self.field_value(value_node, target, name)
            if value.is_constant and is_kind(target):
                try:
                    target.field_kinds()[name].read(value.constant)
                except RuleError as error:
                    self.fail(value_node, f"{name}: {error}")
            names.append(name)
            values.append(value)
            nodes.append(value_node)
        constants = tuple(value.constant for value in values) if all(value.is_constant for value in values) else None
        return Fields(tuple(names), tuple(values), tuple(nodes), constants)

    def field_value(self, node: Node, target: Any, name: str) -> Expression:
        """The value of a field or argument: a tensor's name, a word that the field itself knows (gelu's `tanh`, though
        there is a layer of that name), or a value like any other."""
        if not is_kind(target):
            return self.value(node)
        if name in target.sides:
            return self.reference(node)
        own = target.field_kinds()[name].words
        if isinstance(node, Scalar) and node.text in own and node.text not in self.variables:
            return constant(node.text, node.text)
        return self.value(node)

    def check_name(self, key: Scalar, word: str, target: Any) -> None:
        name = key.text
        if is_kind(target):
            if name not in target.field_kinds():
                beside = f"; '{name}' stands beside the step, not among its fields" if name in BESIDE else ""
                closest = beside or nearest(name, list(target.field_kinds())) or "; it has none"
                self.fail(key, f"'{word}' has no field '{name}'{closest}")
        elif isinstance(target, Block) and name not in target.arguments:
            beside = f"; '{name}' stands beside the step, not among its arguments" if name in BESIDE else ""
            closest = beside or nearest(name, list(target.arguments)) or "; it has none"
            self.fail(key, f"block '{word}' has no argument '{name}'{closest}")

    def known(self, key: Scalar) -> type[Layer] | Block:
        """The layer kind or block that a word names."""
        target = self.vocabulary.target(key.text)
        if target is None:
            known = [*self.variables, *self.vocabulary.blocks, *kinds()]
            self.fail(key, f"unknown layer kind or block '{key.text}'" + nearest(key.text, known))
        return target

    def reference(self, node: Node) -> Expression:
        """A tensor, or a list of them: `input`, a name, `c[i]`, `block_name.output`."""
        if isinstance(node, Sequence):
            return _listing([self.reference(item) for item in node.items])
        if not isinstance(node, Scalar) or not node.text:
            self.fail(node, "'at' is a tensor: input, a step's name, c[i], block_name.output, or a list of these")
        try:
            found = _reference(node.text, self.variables, self.tensors)
        except RuleError as error:
            self.fail(node, str(error))
        self.touched.update(found.uses)
        self.reads.update(found.uses)
        return found

    def only(self, node: Node, allowed: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        """Refuses keys that do not belong to a construct, and missing ones."""
        entries = self.mapping(node, "this")
        for key, _ in entries.values():
            if key.text not in (*allowed, *optional):
                self.fail(key, f"'{key.text}' does not belong here" + nearest(key.text, [*allowed, *optional]))
        for name in allowed:
            if name not in entries:
                self.fail(node, f"'{allowed[0]}' needs '{name}' beside it")

    @contextmanager
    def binding(self, names: tuple[str, ...]) -> Iterator[None]:
        """Loop variables, for the steps inside."""
        outer, cache = self.variables, self.cache
        self.variables, self.cache = self.variables.union(names), {}
        yield
        self.variables, self.cache = outer, cache

    # --- arguments ----------------------------------------------------------------------------------------------

    def arguments(self, entries: Mapping[str, tuple[Scalar, Node]]) -> dict[str, Expression | None]:
        """Defaults in an order in which they can be evaluated; None where the argument is required."""
        for key, _ in entries.values():
            self.identifier(key, "a variable")
        self.variables = frozenset(entries)
        defaults: dict[str, Expression | None] = {}
        for name, (_, node) in entries.items():
            required = isinstance(node, Scalar) and node.text == "required"
            with self.within(name):
                defaults[name] = None if required else self.value(node)
        try:
            return in_dependency_order(defaults)
        except RuleError as error:
            self.fail(entries[next(iter(entries))][0], str(error))


def is_kind(target: object) -> TypeGuard[type[Layer]]:
    """Whether what a word names is a layer kind (not a block, nor a variable)."""
    return isinstance(target, type)


def with_fields(value: Any, word: str, given: tuple[tuple[str, Any], ...]) -> StepValue:
    """A step value with more fields; raises RuleError for a value that is no step."""
    if not isinstance(value, StepValue):
        raise RuleError(f"'{word}' is {describe(value)}, not a step")
    if not given:
        return value
    fields = {**dict(zip(value.names, value.values, strict=True)), **dict(given)}
    return StepValue(value.target, value.word, tuple(fields), tuple(fields.values()))


def _listing(items: list[Expression]) -> Expression:
    getters = [item.evaluate for item in items]
    uses = frozenset().union(*(item.uses for item in items))
    return Expression("[...]", lambda environment: made(environment, [getter(environment) for getter in getters]), uses)


def _reference(text: str, variables: Iterable[str], tensors: Iterable[str]) -> Expression:
    """A reference to a tensor: a name, `c[i]` or `block_name.output`; to several, all turns of a loop's `c`."""
    head, dot, output = text.rpartition(".")
    of = head if dot and NAME.fullmatch(output) else text
    tensors = frozenset(tensors)
    root = of.split("[", 1)[0].strip()
    if root not in tensors and root != "input":
        raise RuleError(f"'{root}' is not the name of a tensor" + nearest(root, [*tensors, "input"]))
    if "[" in of:
        index = compile_expression(of, set(variables) - {root}, tensors)
        evaluate = index.evaluate
        uses = index.uses
    else:
        found = compile_expression(of, (), tensors)
        evaluate, uses = found.evaluate, found.uses
    if of is text:
        return Expression(text, evaluate, uses)

    def named(environment: dict[str, Any]) -> Any:
        found = evaluate(environment)
        if is_list(found):  # of all turns of a loop
            return made(environment, [_output(tensor, head, output) for tensor in found])
        return _output(found, head, output)

    return Expression(text, named, uses)


def _output(tensor: Any, head: str, output: str) -> Any:
    outputs = getattr(tensor, "outputs", None) or {}
    if output not in outputs:
        raise RuleError(f"'{head}' has no output '{output}'" + nearest(output, list(outputs)))
    return outputs[output]
