"""A network nested as it was written: blocks, loops and joins as branches, a repeat's equal turns folded into one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from archtool.cost import Cost, total
from archtool.errors import RuleError
from archtool.flatten import Fields
from archtool.runs import ONCE, BlockRun, Count, Entry, LayerRun, count_of, entry_costs
from archtool.shape import Shape


@dataclass(slots=True)
class Branch:
    """A layer, or a group of branches.

    `label` is its own part of the name, `name` the whole one; `turns` is how many equal turns it stands for; `cost` is
    that of all of them. `fields` is what the output sees after the last turn.
    """

    label: str
    name: str
    kind: str
    turns: int = 1
    inputs: tuple[Shape, ...] = ()
    output: Shape | None = None
    cost: Cost = field(default_factory=Cost)
    fields: Fields = ()
    children: list[Branch] = field(default_factory=list)
    layer: LayerRun | None = None

    def walk(self) -> Iterator[Branch]:
        """This branch and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


MAX_BRANCHES: Final = 200_000  # what a tree may have; a network of any depth has a tree that is cut


def folded(run: BlockRun, name: str, depth: int | None = None) -> Branch:
    """The tree of a whole network, cut below `depth`; raises RuleError where it has more than MAX_BRANCHES."""
    size = _size(run, depth, {})
    if size > MAX_BRANCHES:
        hint = "choose a --depth" if depth is None else "choose a smaller --depth, or write what repeats with 'repeat'"
        raise RuleError(f"'{name}' has {size:,} rows, at most {MAX_BRANCHES:,} can be shown; {hint}")
    root = Branch(name, "", run.kind, inputs=run.inputs, output=run.output.shape, cost=run.cost)
    root.fields = run.output.fields
    _fill(root, run, tuple(tensor.fields for tensor in run.tensors[: len(run.inputs)]), ONCE, depth)
    _sum_groups(root)
    return root


def _size(run: BlockRun, depth: int | None, known: dict[tuple[int, int | None], int]) -> int:
    """How many branches a block's tree has at most, by algebra."""
    key = (id(run), depth)
    if key not in known:
        known[key] = len(run.entries)
        for entry in run.entries:
            level = entry.name.count(".") + 1
            if isinstance(entry.run, BlockRun) and (depth is None or depth > level):
                known[key] += _size(entry.run, None if depth is None else depth - level, known)
    return known[key]


def _fill(parent: Branch, run: BlockRun, inputs: tuple[Fields, ...], around: Count, depth: int | None) -> None:
    groups: dict[str, Branch] = {}
    for entry in run.entries:
        *outer, label = _parts(entry)
        holder, path = parent, ""
        for part in outer:
            path = f"{path}.{part}" if path else part
            if path not in groups:
                groups[path] = Branch(part, _join(parent.name, path), "")
                holder.children.append(groups[path])
            holder = groups[path]
        path = f"{path}.{label}" if path else label
        branch = groups.get(path)
        if branch is None:
            branch = Branch(label, _join(parent.name, path), entry.run.kind)
            holder.children.append(branch)
            groups[path] = branch
        below = None if depth is None else depth - len(outer) - 1
        _place(branch, entry, run, inputs, around, below)


def _place(
    branch: Branch, entry: Entry, run: BlockRun, inputs: tuple[Fields, ...], around: Count, depth: int | None
) -> None:
    """What an entry says of its branch, and the branches of the block behind it."""
    turns = int(entry.turns)
    branch.kind = entry.run.kind
    branch.turns = turns
    branch.inputs = entry.run.inputs
    branch.fields = _absolute(run, entry.target, inputs)
    branch.cost = total(entry_costs(entry, around))
    if isinstance(entry.run, LayerRun):
        branch.output = entry.run.output
        branch.layer = entry.run
        return
    branch.output = entry.run.output.shape
    if depth is not None and depth < 1:
        return
    source = _absolute(run, entry.sources[0], inputs)
    if turns > 1:  # the fields shown are those of the last turn
        inner = entry.run.output.fields[0]
        source = tuple(f and inner and f.then(inner.power(turns - 1)) for f in source)
    _fill(branch, entry.run, (source,), count_of(entry, around), depth)


def _absolute(run: BlockRun, number: int, inputs: tuple[Fields, ...]) -> Fields:
    fields = run.tensors[number].fields
    if len(inputs) > 1:
        return fields
    inner = fields[0]
    return tuple(f and inner and f.then(inner) for f in inputs[0])


def _parts(entry: Entry) -> list[str]:
    """The parts of an entry's name; a loop's or a repeat's turn goes with its word, folded turns as a range."""
    parts: list[str] = []
    for part in entry.name.split("."):
        if part.isdigit() and parts:
            parts[-1] += "." + part
        else:
            parts.append(part)
    if entry.turn is not None and entry.turns != 1:
        parts[-1] += f"-{entry.turn + int(entry.turns) - 1}"
    return parts


def _join(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix else path


def _sum_groups(branch: Branch) -> None:
    """Give the groups that are no block their costs and shapes, from what they hold."""
    for child in branch.children:
        _sum_groups(child)
    if branch.output is None and branch.children:
        branch.cost = total((child.cost, 1) for child in branch.children)
        branch.inputs = branch.children[0].inputs
        branch.output = branch.children[-1].output
        branch.fields = branch.children[-1].fields
    elif branch.layer is not None and branch.children:  # a join: its own cost, and its paths'
        branch.cost = total([(branch.cost, 1), *((child.cost, 1) for child in branch.children)])
