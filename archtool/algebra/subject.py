"""What a formula is about: a design, or a block of its spec by itself, evaluated on symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.algebra.bounded import BoundedTrace
from archtool.algebra.naming import Asked, Namer, Names
from archtool.collector import collector_paused
from archtool.errors import ArchtoolError, SpecError, Untraceable, nearest
from archtool.network import Evaluation
from archtool.runs import BlockRun, Entry, Problem
from archtool.shape import Shape
from archtool.size import Size
from archtool.spec.steps import Block
from archtool.spec.values import HERE, INPUT, WORK, Tensor
from archtool.trace import Expr, Trace, in_order

if TYPE_CHECKING:
    from archtool.design import Design

AXES: Final = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
WORDS: Final[Mapping[str, tuple[str, ...]]] = {  # how a size of the input may be called
    "channels": ("c", "channels", "c_in"),
    "depth": ("d", "depth"),
    "height": ("h", "height"),
    "width": ("w", "width"),
    "length": ("n", "length"),
    "tokens": ("n", "tokens"),
}


class Evaluated(NamedTuple):
    """A subject on symbols: what stands for what, its run, and the rules that hold for some values alone."""

    names: Names
    run: BlockRun
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A network that formulas can be asked about.

    `values` are those of its vars, None where one has none of its own; `given` the domains that its spec states;
    `input` the shape of its one input, None where it has several; `network` evaluates it; `free` are the symbols that
    it has though nobody asks for them, `fixed` the vars that were set by hand.
    """

    name: str
    block: Block
    values: Mapping[str, Any]
    given: Mapping[str, Any]
    functional: frozenset[str]
    input: Shape | None
    network: Callable[[Evaluation, Names], BlockRun]
    free: tuple[str, ...] = ()
    fixed: frozenset[str] = frozenset()

    def size(self, word: str) -> str | None:
        """The size of the input that a word names."""
        return next((size for size in self.sizes if word in WORDS[size]), None)

    def size_names(self) -> list[str]:
        """All words for sizes of the input."""
        return [word for size in self.sizes for word in WORDS[size]]

    @property
    def sizes(self) -> dict[str, Size]:
        """The sizes of the one input, by name."""
        shape = self.input
        if shape is None:
            return {}
        axes = ("tokens",) if shape.is_tokens else AXES.get(len(shape.spatial), ())
        return {"channels": shape.channels, **dict(zip(axes, shape.spatial, strict=True))}

    def parts(self, symbols: Sequence[Asked] | None) -> tuple[Asked, ...]:
        """What is to be a symbol: what is asked for, else each var that is a whole number of its own and not fixed;
        and what is free anyway."""
        if symbols is not None:
            named = {self.size(part.name) or part.name for part in symbols}
            more = [name for name in self.free if (self.size(name) or name) not in named]
            return (*symbols, *[Asked(name, None, "") for name in more])
        found = list(self.free)
        for name, value in self.values.items():
            default = self.block.arguments[name]
            is_own = default is not None and not default.uses and name not in self.fixed
            if is_own and type(value) is int and value:  # not a padding of 0
                found.append(name)
        return tuple([Asked(name, None, "") for name in found])

    def evaluate(self, parts: Sequence[Asked], numbers: Mapping[str, int] | None = None) -> Evaluated:
        """The subject on the symbols that are asked for, some of which may be numbers instead; raises SpecError, naming
        what can't be a symbol."""
        try:
            return self.tried(parts, numbers or {})
        except Untraceable as error:
            name = self._culprit(parts, error)
            what = f"'{name}' can't be a symbol here" if name else "these can't all be symbols"
            raise SpecError(f"{what}: {error}") from None

    def tried(self, parts: Sequence[Asked], numbers: Mapping[str, int]) -> Evaluated:
        """The same, if that can be; raises Untraceable."""
        trace = BoundedTrace()
        with collector_paused():
            names = Namer(self, trace, numbers).names(parts)
            run = self.network(Evaluation(trace), names)
        return Evaluated(names, run, (*[Problem(*each) for each in trace.problems], *run.problems))

    def _culprit(self, parts: Sequence[Asked], error: Untraceable) -> str:
        """The part that can't be a symbol: one whose symbols the error tells, else one without which there is none."""
        told = {
            expr.args[0]
            for value in error.varying
            if isinstance(value, Expr)
            for expr in in_order([value])
            if expr.op == "symbol"
        }
        for part in parts:
            names = Namer(self, Trace(), {}).names([part]).symbols
            if told & names.keys():
                return part.name
        for part in parts:
            try:
                self.tried([each for each in parts if each is not part], {})
            except ArchtoolError:
                continue
            return part.name
        return ""


def of_design(design: Design) -> Subject:
    """A whole design as what a formula is about."""
    spec, block = design.spec, design.block
    values = Evaluation().vars(block, {})
    values.pop(WORK)
    inputs = list(design.inputs.values())

    def network(evaluation: Evaluation, names: Names) -> BlockRun:
        environment = evaluation.vars(block, names.vars)
        shapes = spec.shapes(environment)
        if names.sizes:
            shapes = {name: resized(shape, names.sizes) for name, shape in shapes.items()}
        return evaluation.network(block, environment, shapes)

    return Subject(
        name=design.name, block=block, values=values, given=spec.given, functional=spec.functional,
        input=inputs[0] if len(inputs) == 1 else None, network=network, fixed=frozenset(design.knobs),
    )  # fmt: skip


def subject_of(design: Design, block: str | None) -> Subject:
    """A design, or the block of its spec that is named."""
    return of_design(design) if block is None else block_of(design, block)


def block_of(design: Design, name: str) -> Subject:
    """A block of a design's spec, by its name; raises SpecError where there is none."""
    blocks = design.spec.blocks
    if name not in blocks:
        raise SpecError(f"'{design.spec.name}' has no block '{name}'" + nearest(name, blocks))
    return of_block(design, blocks[name])


def of_block(design: Design, block: Block) -> Subject:
    """A block of a design's spec by itself; the sizes of its input, and arguments that it needs, are symbols. Its input
    is laid out as where the design uses it, else as the design's own."""
    used = _first_use(design.run, block.name)
    shape = used.inputs[0] if used is not None else next(iter(design.inputs.values()))
    source = Tensor(shape, (), 0)
    values: dict[str, Any] = {}
    for name, default in block.arguments.items():
        ready = default is not None and not default.uses - {HERE, INPUT, *values}
        needs_input = default is not None and default.uses & {HERE, INPUT}
        unknown = default is not None and any(values.get(each) is None for each in default.uses & values.keys())
        known = ready and not needs_input and not unknown
        values[name] = default.evaluate({**values, INPUT: source, HERE: source}) if known and default else None

    def network(evaluation: Evaluation, names: Names) -> BlockRun:
        return evaluation.block(block, names.vars, resized(shape, names.sizes))

    axes = ("tokens",) if shape.is_tokens else AXES.get(len(shape.spatial), ())
    sizes = [next(word for word in WORDS[size] if word not in values) for size in ("channels", *axes)]
    return Subject(
        name=block.name, block=block, values=values, given={}, functional=design.spec.functional, input=shape,
        network=network, free=(*block.required, *sizes),
    )  # fmt: skip


def _first_use(run: BlockRun, kind: str) -> BlockRun | None:
    """The first run of a block of that name in a network."""
    todo: list[Entry] = list(reversed(run.entries))
    seen: set[int] = set()
    while todo:
        inner = todo.pop().run
        if isinstance(inner, BlockRun) and id(inner) not in seen:
            if inner.kind == kind:
                return inner
            seen.add(id(inner))
            todo.extend(reversed(inner.entries))
    return None


def resized(shape: Shape, sizes: Mapping[str, Size]) -> Shape:
    """A shape with other sizes, by the names of `AXES`."""
    if shape.is_tokens:
        spatial: tuple[Size, ...] = (sizes.get("tokens", shape.spatial[0]),)
    else:
        names = AXES.get(len(shape.spatial), ())
        spatial = tuple([sizes.get(name, size) for name, size in zip(names, shape.spatial, strict=bool(names))])
    return Shape(sizes.get("channels", shape.channels), spatial, shape.is_tokens)
