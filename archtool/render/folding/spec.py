"""A folded network written as a spec that archtool reads."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from archtool.algebra.folding.folding import Folding
from archtool.errors import RuleError
from archtool.explore.describe import written
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import attribute
from archtool.render.folding.structure import Part, runs, structured
from archtool.shape import Shape

Step = tuple[Any, ...]  # (word, fields or paths, what stands beside)


class Written(NamedTuple):
    """A spec, and the names that it gives to the layers of the folded network, by their names there."""

    text: str
    names: dict[str, str]


def spec(folding: Folding, name: str, about: str) -> Written:
    """The spec of a folded network: branches that start from one tensor as joins, equal steps in a row as repeats, the
    rest step by step. Raises RuleError where a spec can't say it."""
    from archtool.design import load

    writer = _Writer(folding.network)
    text = writer.text(name, about)
    read = load(text).flat()
    names = {one.name: other.name for one, other in zip(writer.order, read.layers, strict=False)}
    if not _same(folding.network, writer.order, read):
        raise RuleError("the folded network can't be written as a spec: it would be read in another way")
    return Written(text, names)


def _same(network: FlatNetwork, order: Sequence[FlatLayer], read: FlatNetwork) -> bool:
    """Whether a spec is read as the network whose layers it has in this order, and then those that name outputs."""
    places: dict[int, int] = {number: number for number in range(len(network.inputs))}
    for one, other in zip(order, read.layers, strict=False):
        sources = tuple([places.get(source) for source in other.sources])
        if (one.run.layer, one.run.output, one.sources) != (other.run.layer, other.run.output, sources):
            return False
        places[other.target] = one.target
    for layer in read.layers[len(order) :]:
        places[layer.target] = places[layer.sources[0]]
    outputs = {name: places.get(number) for name, number in read.outputs.items()}
    return len(read.layers) >= len(order) and outputs == network.outputs


class _Writer:
    def __init__(self, network: FlatNetwork) -> None:
        self.network = network
        self.parts = structured(network)
        self.order = [layer for part in self.parts for layer in part.layers]
        self.inputs = list(network.inputs)
        uses = Counter(layer.weights for layer in network.layers if not layer.run.layer.is_join)
        self.shared = {owner: f"w{number}" for number, owner in enumerate(o for o, n in uses.items() if n > 1)}
        self.tensors: dict[int, str] = dict(enumerate(self.inputs))
        if len(self.inputs) == 1:
            self.tensors[0] = "input"
        self.used: set[str] = {*self.inputs, "input", "x"}
        self.ends: list[Step] = []
        self.outputs()

    # --- names --------------------------------------------------------------------------------------------------

    def outputs(self) -> None:
        """Give the outputs their names, and steps of their own where a name can't be given."""
        made = {part.layer.target for part in self.parts}
        last = self.parts[-1].layer.target if self.parts else -1
        outputs = self.network.outputs
        if tuple(outputs) == ("output",):
            if outputs["output"] != last:
                self.ends.append(("identity", {}, {"at": outputs["output"]}))
            return
        self.used |= {*outputs}
        for name, tensor in outputs.items():
            if tensor in made and tensor not in self.tensors:
                self.tensors[tensor] = name
            else:
                self.ends.append(("identity", {}, {"at": tensor, "name": name}))

    def tensor(self, number: int) -> str:
        """The name of a tensor that some step asks for by name."""
        if number not in self.tensors:
            layer = next(part.layer for part in self.parts if part.layer.target == number)
            base = layer.name.replace(".", "_")
            base = base if base[0].isalpha() else f"t_{base}"
            names = (base, *(f"{base}_{ordinal}" for ordinal in range(2, len(self.parts) + 2)))
            self.tensors[number] = next(name for name in names if name not in self.used)
            self.used.add(self.tensors[number])
        return self.tensors[number]

    # --- steps --------------------------------------------------------------------------------------------------

    def steps(self) -> list[Step]:
        """The steps of the network's body, names that are asked for beside them."""
        steps, before = [], 0
        for part in self.parts:
            steps.append((part, self.step(part, before)))
            before = part.layer.target
        ends = [(word, fields, {**beside, "at": self.tensor(beside["at"])}) for word, fields, beside in self.ends]
        for part, (_, _, beside) in steps:
            if part.layer.target in self.tensors:
                beside["name"] = self.tensors[part.layer.target]
        return [*(step for _, step in steps), *ends]

    def step(self, part: Part, before: int) -> Step:
        """A step behind the tensor `before`."""
        layer, beside = part.layer, dict[str, str]()
        if layer.weights in self.shared:
            beside["shares"] = self.shared[layer.weights]
        if layer.run.layer.is_join and not part.paths:
            beside["at"] = f"[{', '.join(map(self.tensor, layer.sources))}]"
            return (layer.run.kind, {}, beside)
        if part.sources[0] != before:
            beside["at"] = self.tensor(part.sources[0])
        if part.paths:
            start = part.sources[0]
            return (layer.run.kind, {label: self.body(path, start) for label, path in part.paths.items()}, beside)
        return (type(layer.run.layer).kind, self.fields(layer), beside)

    def body(self, parts: Sequence[Part], before: int) -> list[Step]:
        steps = []
        for part in parts:
            steps.append(self.step(part, before))
            before = part.layer.target
        return steps

    def fields(self, layer: FlatLayer) -> dict[str, str]:
        """The fields that are not at their defaults, written; of further tensors the names."""
        held = layer.run.layer
        sides = iter(layer.sources[1:])
        found = {}
        for name in type(held).field_kinds():
            value = getattr(held, attribute(name))
            if name in held.sides:
                if value is not None:
                    found[name] = self.tensor(next(sides))
            elif name in held.required() or value != _default(held, name):
                found[name] = written(value)
        return found

    # --- text ---------------------------------------------------------------------------------------------------

    def text(self, name: str, about: str) -> str:
        """The whole spec."""
        inputs = self.network.inputs
        one = {"input": _shape(next(iter(inputs.values())))} if len(inputs) == 1 else {}
        several = ", ".join(f"{key}: {_shape(shape)}" for key, shape in inputs.items())
        head = [
            "archtool: 1",
            f"name: {_plain(name)}",
            f"about: {_plain(about)}",
            f"input: {one['input']}" if one else f"inputs: {{{several}}}",
            "layers:",
        ]
        body = self.lines(self.steps(), "  ") or ["  - identity"]
        if tuple(self.network.outputs) != ("output",):
            body.append(f"outputs: [{', '.join(self.network.outputs)}]")
        return "\n".join([*head, *body]) + "\n"

    def lines(self, steps: list[Step], margin: str) -> list[str]:
        """Steps as lines, equal ones in a row as one that is repeated, unless they share weights or have names."""
        lines = []
        repeats = [(at, 1, 1) for at in range(len(steps))] if self.shared else runs(steps, _leads)
        for at, period, turns in repeats:
            if turns == 1 or any(step[2] for step in steps[at : at + period]):
                for step in steps[at : at + period * turns]:
                    lines += self.lines_of(step, margin)
            elif period == 1 and not _is_join(steps[at]):
                word, fields, beside = steps[at]
                lines += self.lines_of((word, fields, {**beside, "repeat": str(turns)}), margin)
            else:
                lines += [f"{margin}- do:", *self.lines(steps[at : at + period], margin + "    ")]
                lines.append(f"{margin}  repeat: {turns}")
        return lines

    def lines_of(self, step: Step, margin: str) -> list[str]:
        word, fields, beside = step
        below = [f"{margin}  {key}: {value}" for key, value in beside.items()]
        if _is_join(step):
            lines = [f"{margin}- {word}:"]
            for label, path in fields.items():
                inner = self.lines(path, f"{margin}      ")
                lines += [f"{margin}    {label}:", *inner] if inner else [f"{margin}    {label}: []"]
            return [*lines, *below]
        if fields:
            told = ", ".join(f"{key}: {value}" for key, value in fields.items())
            return [f"{margin}- {word}: {{{told}}}", *below]
        return [f"{margin}- {word}:", *below] if below else [f"{margin}- {word}"]


def _plain(text: str) -> str:
    """A text in YAML, in quotes where it has more than letters, digits and what is harmless between them."""
    return text if re.fullmatch(r"[A-Za-z][\w ,.()-]*", text) else json.dumps(text)


def _is_join(step: Step) -> bool:
    return any(isinstance(value, list) for value in step[1].values())


def _leads(step: Step) -> bool:
    """Whether a turn of a repeat may well start with a step: a join, or a layer with fields."""
    return bool(step[1])


def _default(layer: Any, name: str) -> Any:
    return type(layer).__dataclass_fields__[attribute(name)].default


def _shape(shape: Shape) -> str:
    if shape.is_tokens:
        return f"{{tokens: {shape.spatial[0]}, channels: {shape.channels}}}"
    return written(shape.dims)
