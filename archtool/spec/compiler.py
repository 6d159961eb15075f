"""The reader's tree compiled to bodies of steps: what can be known without running the network is refused here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from archtool.errors import nearest
from archtool.layer import kinds
from archtool.spec.expressions import NAME, Expression
from archtool.spec.naming import BESIDE, LOOP, Names, count_words
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.reader import Node, Scalar, Sequence
from archtool.spec.scope import Scope, is_kind
from archtool.spec.steps import Beside, Block, Body, Branch, Call, Group, Loop, Merge, Path, Step
from archtool.spec.values import HERE, tensor_key


class BodyCompiler:
    """Compiles the body of one block (or of a network)."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def body(self, node: Node, what: str, names: Names | None = None) -> Body:
        """A list of steps; `names` are the enclosing body's where the steps count among its own (if)."""
        items = self.scope.items(node, what)
        names = names or Names(count_words(items))
        outer, self.scope.touched = self.scope.touched, set()
        steps = []
        for index, item in enumerate(items):
            with self.scope.within(f"{what}[{index}]"):
                steps.append(self.step(item, names))
        given = frozenset(_given_names(steps))
        outside = {key for key in self.scope.touched if key.startswith("@") and key != HERE}
        outside -= {tensor_key(name) for name in given}
        self.scope.touched = outer | outside
        return Body(tuple(steps), given, bool(outside))

    def step(self, node: Node, names: Names) -> Step:
        if isinstance(node, Scalar):
            if not node.text:
                self.scope.fail(node, "a step is missing")
            return self.call(node, node, Scalar("", False, node.line, node.column), {}, names)
        if isinstance(node, Sequence):
            self.scope.fail(node, "a step is a word or a mapping, this is a list; use 'do:' for several steps as one")
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
            self.scope.fail(node, "a step needs a layer kind or a block")
        first, second = found[0], found[1]
        if second.text in kinds() or second.text in self.scope.vocabulary.blocks:
            hint = f"start a new step with '- {second.text}' (or a path of a join)"
            self.scope.fail(second, f"one step can't be both '{first.text}' and '{second.text}'", hint)
        target = self.scope.vocabulary.target(first.text)
        if is_kind(target) and second.text in target.field_kinds():
            hint = f"write {first.text}: {{{second.text}: ...}}"
            self.scope.fail(second, f"'{second.text}' is a field of '{first.text}' and goes inside its {{ }}", hint)
        self.scope.fail(
            second, f"'{second.text}' can't stand beside '{first.text}'" + nearest(second.text, list(BESIDE))
        )

    def beside(self, node: Node, word: str, entries: Mapping[str, Any], names: Names, target: Any = None) -> Beside:
        """The words beside a step."""
        name = self.scope.identifier(entries["name"][1], "a step's name") if "name" in entries else None
        own = name or names.next(word)
        if not entries:
            return Beside(node, own)
        at = self.scope.reference(entries["at"][1]) if "at" in entries else None
        repeat = self.scope.value(entries["repeat"][1]) if "repeat" in entries else None
        first = None
        if "first" in entries:
            key, first_node = entries["first"]
            if repeat is None:
                self.scope.fail(key, "'first' needs a 'repeat' beside it")
            first = self.scope.fields(first_node, word, target)
        shares = None
        if "shares" in entries:
            shares = self.scope.identifier(entries["shares"][1], "a label of shared weights")
        return Beside(node, own, name, at, repeat, first, shares)

    def call(
        self, node: Node, key: Scalar, fields_node: Node, entries: Mapping[str, Any], names: Names
    ) -> Call | Merge:
        word = key.text
        target: Any
        if word in self.scope.variables:
            target = self.scope.scalar(Scalar(word, False, key.line, key.column))
        else:
            if isinstance(node, Scalar) and not NAME.fullmatch(word):
                self.scope.fail(node, f"'{word}' is not a step; a step is a word or {{kind: fields}}")
            target = self.scope.known(key)
            if is_kind(target) and target.is_join:
                return self.merge(node, key, fields_node, entries, names)
        with self.scope.within(word):
            if is_kind(target) and target.sides and "repeat" in entries:
                self.scope.fail(entries["repeat"][0], f"'repeat' beside '{word}'; put it in a 'do:' group")
            beside = self.beside(node, word, entries, names, target)
            fields = self.scope.fields(fields_node, word, target)
        given = {*fields.names, *(beside.first.names if beside.first else ())}
        missing = [name for name in _required(target) if name not in given]
        if missing:
            if is_kind(target):
                allowed = target.field_kinds()[missing[0]].allowed
                self.scope.fail(key, f"'{word}' needs the field '{missing[0]}': {allowed}")
            self.scope.fail(key, f"'{word}' needs the argument '{missing[0]}'")
        other = self.scope.vocabulary.target(word) if isinstance(target, Expression) else None
        return Call(beside, word, target, fields, other)

    def merge(self, node: Node, key: Scalar, paths_node: Node, entries: Mapping[str, Any], names: Names) -> Merge:
        word = key.text
        with self.scope.within(word):
            if "repeat" in entries:
                self.scope.fail(entries["repeat"][0], "'repeat' beside a join; put the join in a 'do:' group")
            beside = self.beside(node, word, entries, names)
            paths_entries = self.scope.mapping(paths_node, f"the paths of '{word}'")
            if not paths_entries and beside.at is None:
                self.scope.fail(key, f"'{word}' needs paths", f"write {word}: {{left: [...], right: []}}")
            if paths_entries and isinstance(entries.get("at", (None, None))[1], Sequence):
                self.scope.fail(entries["at"][0], f"'{word}' has paths and a list of tensors; it takes one of them")
            paths = tuple(self.path_of(label, path) for label, path in paths_entries.values())
        return Merge(beside, word, paths)

    def path_of(self, key: Scalar, node: Node) -> Path:
        label = key.text
        if not NAME.fullmatch(label):
            self.scope.fail(key, "a path's label must be a name (letters, digits and _)")
        if isinstance(node, Sequence):
            return Path(label, node, self.body(node, label))
        entries = node.entries if isinstance(node, MappingNode) else {}
        if "when" in entries:
            self.scope.only(node, ("when", "do"))
            when = self.scope.value(entries["when"][1])
            return Path(label, node, self.body(entries["do"][1], label), when=when)
        if "each" in entries:
            self.scope.only(node, ("each", "in", "do"))
            each = self.scope.identifier(entries["each"][1], "a path's variable")
            values = self.scope.value(entries["in"][1])
            with self.scope.binding((each,)):
                return Path(label, node, self.body(entries["do"][1], label), each=each, values=values)
        with self.scope.within(label):
            self._fail_for_path(label, node, entries)

    def _fail_for_path(self, label: str, node: Node, entries: Mapping[str, Any]) -> NoReturn:
        step = node.text if isinstance(node, Scalar) else next(iter(entries), "")
        if not step:
            self.scope.fail(node, "a path is a list of steps; the identity is []", f"write {label}: []")
        written = f"write {label}: [{step}]" if isinstance(node, Scalar) else f"write {label}: [{step}: ...]"
        self.scope.fail(node, f"a path is a list of steps, this is the single step '{step}'", written)

    def loop(self, node: MappingNode, names: Names) -> Loop:
        self.scope.only(node, ("for", "in", "do"), ("name",))
        of = node.entries["for"][1]
        if isinstance(of, Sequence):
            bound = tuple(self.scope.identifier(item, "a loop's variable") for item in of.items)
            if not bound or len(set(bound)) < len(bound):
                self.scope.fail(of, "a loop needs variables, each once")
        else:
            bound = (self.scope.identifier(of, "a loop's variable"),)
        over = self.scope.value(node.entries["in"][1])
        given = {"name": node.entries["name"]} if "name" in node.entries else {}
        beside = self.beside(node, LOOP, given, names)
        with self.scope.binding(bound):
            return Loop(beside, bound, over, self.body(node.entries["do"][1], "do"))

    def branch(self, node: MappingNode, names: Names) -> Branch:
        self.scope.only(node, ("if", "then"), ("else",))
        condition = self.scope.value(node.entries["if"][1])
        other = names.fork()
        yes = self.body(node.entries["then"][1], "then", names)
        no = Body((), frozenset(), False)
        if "else" in node.entries:
            no = self.body(node.entries["else"][1], "else", other)
        names.join(other)
        return Branch(Beside(node, "if"), condition, yes, no)

    def group(self, node: MappingNode, names: Names) -> Group:
        self.scope.only(node, ("do",), ("name", "at", "repeat", "shares"))
        beside = self.beside(node, "do", node.entries, names)
        body = self.body(node.entries["do"][1], "do")
        if beside.shares is not None and body.reads_outside:
            self.scope.fail(node.entries["shares"][0], "steps that share their weights can't read tensors from outside")
        return Group(beside, body)


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
