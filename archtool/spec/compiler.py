"""The reader's tree compiled to blocks and bodies: words resolved, fields checked, expressions made ready.

What can be known without running the network is refused here, with its place: unknown kinds, fields and names,
missing arguments, joins without paths, slips of form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from archtool.errors import RuleError, SpecError, nearest
from archtool.fields import describe
from archtool.layer import Layer, find, kinds, words
from archtool.spec.expressions import NAME, Expression, compile_expression, constant, made, number
from archtool.spec.naming import Names, count_words
from archtool.spec.reader import Document, Node, Scalar, Sequence
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.steps import Beside, Block, Body, Branch, Call, Fields, Group, Loop, Merge, Path, Step, in_dependency_order
from archtool.spec.values import HERE, StepValue, tensor_key

BESIDE: Final = ("name", "at", "repeat", "first", "shares")
NO_FIELDS: Final = Fields((), (), (), ())
RESERVED: Final = ("x", "input", "output", "true", "false")


class Library:
    """The blocks that a document's steps can name: its own and those it includes, by alias."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.blocks: dict[str, Block] = {}

    def target(self, word: str) -> type[Layer] | Block | None:
        """The block or layer kind of that name, blocks first."""
        return self.blocks.get(word) or (find(word) if word in kinds() else None)


class BlockCompiler:
    """Compiles the arguments and the body of one block (or of a network, whose arguments are its vars)."""

    def __init__(self, library: Library, path: tuple[str, ...]) -> None:
        self.library = library
        self.document = library.document
        self.path = path
        self.variables: tuple[str, ...] = ()
        self.tensors: set[str] = set()
        self.touched: set[str] = set()
        self.cache: dict[str, Expression] = {}

    # --- errors -------------------------------------------------------------------------------------------------

    def fail(self, node: Node, reason: str, *hints: str) -> NoReturn:
        raise SpecError(reason, self.document.at(node), self.path, hints)

    @contextmanager
    def within(self, *labels: str) -> Any:
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
        target = self.library.target(text)
        if target is not None:
            return constant(text, StepValue(target, text))
        if text in words():
            return constant(text, text)
        known = [*self.variables, *self.library.blocks, *kinds(), *words()]
        self.fail(node, f"unknown word '{text}'" + nearest(text, known))

    def step_value(self, node: MappingNode) -> Expression:
        if len(node.entries) != 1:
            self.fail(node, "a step as a value has one kind and its fields, like {conv: {out: 8, kernel: 3}}")
        ((word, (key, fields_node)),) = node.entries.items()
        if word in self.variables:
            target: Any = self.scalar(Scalar(word, False, key.line, key.column))
        else:
            target = self.known(key)
        if isinstance(target, type) and target.is_join:
            self.fail(key, f"a join can't be a value; make a block of '{word}' and name it")
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
            value = self.value(value_node)
            if value.is_constant and isinstance(target, type):
                try:
                    target.field_kinds()[name].read(value.constant)
                except RuleError as error:
                    self.fail(value_node, f"{name}: {error}")
            names.append(name)
            values.append(value)
            nodes.append(value_node)
        constants = tuple(value.constant for value in values) if all(value.is_constant for value in values) else None
        return Fields(tuple(names), tuple(values), tuple(nodes), constants)

    def check_name(self, key: Scalar, word: str, target: Any) -> None:
        name = key.text
        if isinstance(target, type):
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
        target = self.library.target(key.text)
        if target is None:
            known = [*self.variables, *self.library.blocks, *kinds()]
            self.fail(key, f"unknown layer kind or block '{key.text}'" + nearest(key.text, known))
        return target

    # --- bodies and steps ---------------------------------------------------------------------------------------

    def body(self, node: Node, what: str, names: Names | None = None) -> Body:
        """A list of steps; `names` are the enclosing body's where the steps count among its own (if)."""
        items = self.items(node, what)
        if names is None:
            names = Names(count_words(items))
        outer, self.touched = self.touched, set()
        steps = []
        for index, item in enumerate(items):
            with self.within(f"{what}[{index}]"):
                steps.append(self.step(item, names))
        given = frozenset(_given_names(steps))
        outside = {key for key in self.touched if key.startswith("@") and key != HERE}
        outside -= {tensor_key(name) for name in given}
        self.touched = outer | outside
        return Body(tuple(steps), given, bool(outside))

    def step(self, node: Node, names: Names) -> Step:
        if isinstance(node, Scalar):
            if not node.text:
                self.fail(node, "a step is missing")
            return self.call(node, node, Scalar("", False, node.line, node.column), {}, names)
        if isinstance(node, Sequence):
            self.fail(node, "a step is a word or a mapping, this is a list; use 'do:' for several steps as one")
        entries = node.entries
        if "for" in entries:
            return self.loop(node, names)
        if "if" in entries:
            return self.branch(node, names)
        if "do" in entries:
            return self.group(node, names)
        found = [key for key, _ in entries.values() if key.text not in BESIDE]
        if len(found) != 1:
            self._fail_for_words(node, found)
        key, fields = entries[found[0].text]
        return self.call(node, key, fields, entries, names)

    def _fail_for_words(self, node: MappingNode, found: list[Scalar]) -> NoReturn:
        if not found:
            self.fail(node, "a step needs a layer kind or a block")
        first, second = found[0], found[1]
        if second.text in kinds() or second.text in self.library.blocks:
            hint = f"start a new step with '- {second.text}' (or a path of a join)"
            self.fail(second, f"one step can't be both '{first.text}' and '{second.text}'", hint)
        target = self.library.target(first.text)
        if isinstance(target, type) and second.text in target.field_kinds():
            hint = f"write {first.text}: {{{second.text}: ...}}"
            self.fail(second, f"'{second.text}' is a field of '{first.text}' and goes inside its {{ }}", hint)
        self.fail(second, f"'{second.text}' can't stand beside '{first.text}'" + nearest(second.text, list(BESIDE)))

    def beside(self, node: Node, word: str, entries: Mapping[str, Any], names: Names, target: Any = None) -> Beside:
        """The words beside a step."""
        name = self.identifier(entries["name"][1], "a step's name") if "name" in entries else None
        own = name or names.next(word)
        if not entries:
            return Beside(node, own)
        at = self.reference(entries["at"][1]) if "at" in entries else None
        repeat = self.value(entries["repeat"][1]) if "repeat" in entries else None
        first = None
        if "first" in entries:
            key, first_node = entries["first"]
            if repeat is None:
                self.fail(key, "'first' needs a 'repeat' beside it")
            first = self.fields(first_node, word, target)
        shares = None
        if "shares" in entries:
            shares = self.identifier(entries["shares"][1], "a label of shared weights")
        return Beside(node, own, name, at, repeat, first, shares)

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
        return found

    def call(
        self, node: Node, key: Scalar, fields_node: Node, entries: Mapping[str, Any], names: Names
    ) -> Call | Merge:
        word = key.text
        target: Any
        if word in self.variables:
            target = self.scalar(Scalar(word, False, key.line, key.column))
        else:
            if isinstance(node, Scalar) and not NAME.fullmatch(word):
                self.fail(node, f"'{word}' is not a step; a step is a word or {{kind: fields}}")
            target = self.known(key)
            if isinstance(target, type) and target.is_join:
                return self.merge(node, key, fields_node, entries, names)
        with self.within(word):
            beside = self.beside(node, word, entries, names, target)
            fields = self.fields(fields_node, word, target)
        given = {*fields.names, *(beside.first.names if beside.first else ())}
        missing = [name for name in _required(target) if name not in given]
        if missing:
            what = "field" if isinstance(target, type) else "argument"
            self.fail(key, f"'{word}' needs the {what} '{missing[0]}'")
        other = self.library.target(word) if isinstance(target, Expression) else None
        return Call(beside, word, target, fields, other)

    def merge(
        self, node: Node, key: Scalar, paths_node: Node, entries: Mapping[str, Any], names: Names
    ) -> Merge:
        word = key.text
        with self.within(word):
            if "repeat" in entries:
                self.fail(entries["repeat"][0], "'repeat' beside a join; put the join in a 'do:' group")
            beside = self.beside(node, word, entries, names)
            paths_entries = self.mapping(paths_node, f"the paths of '{word}'")
            if not paths_entries and beside.at is None:
                self.fail(key, f"'{word}' needs paths", f"write {word}: {{left: [...], right: []}}")
            if paths_entries and isinstance(entries.get("at", (None, None))[1], Sequence):
                self.fail(entries["at"][0], f"'{word}' has paths and a list of tensors; it takes one of them")
            paths = tuple(self.path_of(label, path) for label, path in paths_entries.values())
        return Merge(beside, word, paths)

    def path_of(self, key: Scalar, node: Node) -> Path:
        label = key.text
        if not NAME.fullmatch(label):
            self.fail(key, "a path's label must be a name (letters, digits and _)")
        with self.within(label):
            if isinstance(node, Sequence):
                return Path(label, node, self.body_of_path(node))
            entries = node.entries if isinstance(node, MappingNode) else {}
            if "when" in entries:
                self.only(node, ("when", "do"))
                when = self.value(entries["when"][1])
                return Path(label, node, self.body_of_path(entries["do"][1]), when=when)
            if "each" in entries:
                self.only(node, ("each", "in", "do"))
                each = self.identifier(entries["each"][1], "a path's variable")
                values = self.value(entries["in"][1])
                with self.binding((each,)):
                    return Path(label, node, self.body_of_path(entries["do"][1]), each=each, values=values)
            step = node.text if isinstance(node, Scalar) else next(iter(entries), "")
            if not step:
                self.fail(node, "a path is a list of steps; the identity is []", f"write {label}: []")
            shown = self.document.line_of(node).split(":", 1)[-1].strip() or step
            written = f"write {label}: [{shown}]" if isinstance(node, Scalar) else f"write {label}: [{step}: ...]"
            self.fail(node, f"a path is a list of steps, this is the single step '{step}'", written)

    def body_of_path(self, node: Node) -> Body:
        items = self.items(node, "a path")
        names = Names(count_words(items))
        outer, self.touched = self.touched, set()
        last = self.path[-1]
        path, self.path = self.path, self.path[:-1]
        steps = []
        for index, item in enumerate(items):
            with self.within(f"{last}[{index}]" if len(items) > 1 else last):
                steps.append(self.step(item, names))
        self.path = path
        self.touched |= outer
        return Body(tuple(steps), frozenset(_given_names(steps)), False)

    def only(self, node: MappingNode, allowed: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        """Refuses keys that do not belong to a construct, and missing ones."""
        for key, _ in node.entries.values():
            if key.text not in (*allowed, *optional):
                self.fail(key, f"'{key.text}' does not belong here" + nearest(key.text, [*allowed, *optional]))
        for name in allowed:
            if name not in node.entries:
                self.fail(node, f"'{allowed[0]}' needs '{name}' beside it")

    @contextmanager
    def binding(self, names: tuple[str, ...]) -> Any:
        """Loop variables, for the steps inside."""
        outer, cache = self.variables, self.cache
        self.variables, self.cache = (*self.variables, *names), {}
        yield
        self.variables, self.cache = outer, cache

    def loop(self, node: MappingNode, names: Names) -> Loop:
        self.only(node, ("for", "in", "do"), ("name",))
        of = node.entries["for"][1]
        if isinstance(of, Sequence):
            bound = tuple(self.identifier(item, "a loop's variable") for item in of.items)
            if not bound or len(set(bound)) < len(bound):
                self.fail(of, "a loop needs variables, each once")
        else:
            bound = (self.identifier(of, "a loop's variable"),)
        over = self.value(node.entries["in"][1])
        given = {"name": node.entries["name"]} if "name" in node.entries else {}
        beside = self.beside(node, "for", given, names)
        with self.binding(bound):
            return Loop(beside, bound, over, self.body(node.entries["do"][1], "do"))

    def branch(self, node: MappingNode, names: Names) -> Branch:
        self.only(node, ("if", "then"), ("else",))
        condition = self.value(node.entries["if"][1])
        other = names.fork()
        yes = self.body(node.entries["then"][1], "then", names)
        no = Body((), frozenset(), False)
        if "else" in node.entries:
            no = self.body(node.entries["else"][1], "else", other)
        names.join(other)
        return Branch(Beside(node, "if"), condition, yes, no)

    def group(self, node: MappingNode, names: Names) -> Group:
        self.only(node, ("do",), ("name", "at", "repeat", "shares"))
        beside = self.beside(node, "do", node.entries, names)
        return Group(beside, self.body(node.entries["do"][1], "do"))

    # --- arguments ----------------------------------------------------------------------------------------------

    def arguments(self, entries: Mapping[str, tuple[Scalar, Node]]) -> dict[str, Expression | None]:
        """Defaults in an order in which they can be evaluated; None where the argument is required."""
        for key, _ in entries.values():
            self.identifier(key, "a variable")
        self.variables = tuple(entries)
        defaults: dict[str, Expression | None] = {}
        for name, (_, node) in entries.items():
            required = isinstance(node, Scalar) and node.text == "required"
            with self.within(name):
                defaults[name] = None if required else self.value(node)
        try:
            return in_dependency_order(defaults)
        except RuleError as error:
            self.fail(entries[next(iter(entries))][0], str(error))

    def collect_names(self, node: Node) -> None:
        """Find the tensors' names in a body before its expressions are compiled; each may be given once."""
        self.tensors = set(self._names_in(node))

    def _names_in(self, node: Node) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {}
        if not isinstance(node, Sequence):
            return found
        for item in node.items:
            if isinstance(item, MappingNode):
                self._merge_names(found, self._names_of(item.entries))
        return found

    def _names_of(self, entries: Mapping[str, tuple[Scalar, Node]]) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {}
        if "name" in entries and isinstance(entries["name"][1], Scalar) and "for" not in entries:
            found[entries["name"][1].text] = entries["name"][1]
        if "if" in entries:
            yes, no = (self._names_in(entries[key][1]) if key in entries else {} for key in ("then", "else"))
            return {**no, **yes}
        for key, (_, node) in entries.items():
            if key == "do":
                self._merge_names(found, self._names_in(node))
            elif isinstance(node, MappingNode) and key in kinds() and find(key).is_join:
                for _, path in node.entries.values():
                    steps = path.entries["do"][1] if isinstance(path, MappingNode) and "do" in path.entries else path
                    self._merge_names(found, self._names_in(steps))
        return found

    def _merge_names(self, found: dict[str, Scalar], more: dict[str, Scalar]) -> None:
        for name, node in more.items():
            if name in found:
                self.fail(node, f"the name '{name}' is given twice (first on line {found[name].line})")
            found[name] = node


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


def _required(target: Any) -> tuple[str, ...]:
    if isinstance(target, Expression):
        return ()
    return target.required if isinstance(target, Block) else target.required()


def _given_names(steps: list[Step]) -> Iterable[str]:
    for step in steps:
        if step.beside.name is not None and not isinstance(step, Loop):
            yield step.beside.name
        if isinstance(step, Loop | Group):
            yield from step.body.names
        elif isinstance(step, Branch):
            yield from step.yes.names | step.no.names
        elif isinstance(step, Merge):
            for path in step.paths:
                yield from path.body.names


def _reference(text: str, variables: Iterable[str], tensors: Iterable[str]) -> Expression:
    """A reference to a tensor: a name, `c[i]` or `block_name.output`."""
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
        tensor = evaluate(environment)
        outputs = getattr(tensor, "outputs", None) or {}
        if output not in outputs:
            raise RuleError(f"'{head}' has no output '{output}'" + nearest(output, list(outputs)))
        return outputs[output]

    return Expression(text, named, uses)


