"""The tree that a spec is compiled to: blocks, and bodies of steps with their expressions ready to evaluate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from archtool.errors import RuleError
from archtool.layer import Layer
from archtool.spec.expressions import Expression
from archtool.spec.reader import Document, Node


class Fields(NamedTuple):
    """Fields or arguments as written: their names, values and places; `constants` where all values are constant."""

    names: tuple[str, ...]
    values: tuple[Expression, ...]
    nodes: tuple[Node, ...]
    constants: tuple[object, ...] | None


class Beside(NamedTuple):
    """The words that stand beside a step, and where it stands.

    `path` is its own name in the body (`conv2`); `name` the one a user gave it, which others may read; `at` where it
    starts from, if not where the last step ended.
    """

    node: Node
    path: str
    name: str | None = None
    at: Expression | None = None
    repeat: Expression | None = None
    first: Fields | None = None
    shares: str | None = None


class Call(NamedTuple):
    """A layer or a block, by its kind, its block, or a variable that holds a step.

    `other` is the kind or block that has the name of that variable too: meant where the variable holds no step.
    """

    beside: Beside
    word: str
    target: type[Layer] | Block | Expression
    fields: Fields
    other: type[Layer] | Block | None = None


class Path(NamedTuple):
    """A path of a join: `when` a condition, or one for `each` value of a list."""

    label: str
    node: Node
    body: Body
    when: Expression | None = None
    each: str | None = None
    values: Expression | None = None


class Merge(NamedTuple):
    """A join of paths, or of the tensors that `at` lists."""

    beside: Beside
    kind: str
    paths: tuple[Path, ...]


class Loop(NamedTuple):
    """for names in a list: the body, once a turn."""

    beside: Beside
    names: tuple[str, ...]
    over: Expression
    body: Body


class Branch(NamedTuple):
    """if a condition: one body, else another."""

    beside: Beside
    condition: Expression
    yes: Body
    no: Body


class Group(NamedTuple):
    """Several steps as one (`do:`), to repeat them."""

    beside: Beside
    body: Body


Step = Call | Merge | Loop | Branch | Group


class Body(NamedTuple):
    """A list of steps; `names` are those its steps were given, `reads_outside` whether it needs a tensor that is not
    its own."""

    steps: tuple[Step, ...]
    names: frozenset[str]
    reads_outside: bool


class Block:
    """A named body with arguments; compiled when first used. Two blocks are equal only if they are one."""

    __slots__ = ("arguments", "body", "document", "name", "node", "nodes", "outputs", "required")

    def __init__(self, name: str, document: Document, node: Node) -> None:
        self.name = name
        self.document = document
        self.node = node
        self.arguments: Mapping[str, Expression | None] = {}  # in an order in which defaults can be evaluated
        self.nodes: Mapping[str, Node] = {}  # where the arguments stand
        self.required: tuple[str, ...] = ()
        self.body = Body((), frozenset(), False)
        self.outputs: tuple[str, ...] = ()

    def having(self, overrides: Mapping[str, Expression]) -> Block:
        """The same block with other defaults."""
        other = Block(self.name, self.document, self.node)
        other.arguments = in_dependency_order({**self.arguments, **overrides})
        other.nodes = {name: node for name, node in self.nodes.items() if name not in overrides}
        other.required, other.body, other.outputs = self.required, self.body, self.outputs
        return other

    def __repr__(self) -> str:
        return f"<block {self.name}>"


def in_dependency_order(defaults: Mapping[str, Expression | None]) -> dict[str, Expression | None]:
    """Defaults so that each stands behind those it uses; raises RuleError where they go in a circle."""
    lacking = {name: value.uses & defaults.keys() if value else frozenset() for name, value in defaults.items()}
    users: dict[str, list[str]] = {name: [] for name in defaults}
    for name, used in lacking.items():
        for each in used:
            users[each].append(name)
    left = {name: len(used) for name, used in lacking.items()}
    ready = [name for name, count in left.items() if not count]
    for name in ready:  # grows on the way
        for user in users[name]:
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    if len(ready) < len(defaults):
        circle = " and ".join(f"'{name}'" for name, count in left.items() if count)
        raise RuleError(f"{circle} depend on each other in a circle")
    return {name: defaults[name] for name in ready}
