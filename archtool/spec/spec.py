"""A whole spec: its top-level keys, its designs, what it includes; compiled to a block that is the network."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Final, NamedTuple

from archtool.errors import Position, RuleError, SpecError, nearest
from archtool.fields import SizeKind
from archtool.layer import kinds
from archtool.shape import Shape
from archtool.spec.compiler import BodyCompiler
from archtool.spec.domains import Claim, Forms
from archtool.spec.expressions import Expression, constant
from archtool.spec.library import FILES, Library
from archtool.spec.linting import LintForm, lint_form
from archtool.spec.naming import tensor_names
from archtool.spec.reader import Document, Node, Scalar, Sequence, read_text
from archtool.spec.reader import Mapping as MappingNode
from archtool.spec.scope import Scope, Vocabulary
from archtool.spec.steps import Block
from archtool.spec.values import HERE, INPUT, Environment

Entries = dict[str, tuple[Scalar, Node]]
KEYS: Final = (
    "archtool", "name", "about", "source", "functional", "input", "inputs", "vars", "include", "blocks", "layers",
    "outputs", "designs", "expect", "given", "claims", "explore", "lint",
)  # fmt: skip
OVERRIDES: Final = ("vars", "input", "inputs", "layers", "outputs", "expect")
METRICS: Final = ("params", "macs", "flops", "activations", "output", "receptive_field", "peak_memory")
VERSION: Final = "1"
MAX_INCLUDES: Final = 16  # files that include each other, one inside the other


class Expectation(NamedTuple):
    """A published total: a metric, its value, and the relative tolerance (0 for an exact one)."""

    metric: str
    value: Any
    tolerance: float
    position: Position


class Spec:
    """A compiled spec in one of its designs.

    `block` is the network: its arguments are the vars; `blocks` are those that its steps can name; `reads` are names
    that its layers, its input and other vars read. `functional` are the layer kinds that the network's published code
    calls as functions, `expect` holds published totals, `claims`, `given`, `explore` and `lint` what later readings
    use, `included` the specs that it includes, by file.
    """

    def __init__(
        self,
        document: Document,
        design: str | None = None,
        folder: Path | None = None,
        depth: int = 0,
        read: dict[Path, Spec] | None = None,
        library: Library = FILES,
    ) -> None:
        """`depth` counts the specs that include this one, `read` are those that they have read, each once."""
        self.document = document
        self.folder = folder
        self.library = library
        self.design = design
        entries = self._checked(document)
        self.designs = tuple(_entries(document, entries["designs"][1], "designs")) if "designs" in entries else ()
        variants = {name: self._overridden(entries, name) for name in {*self.designs, *([design] if design else ())}}
        entries = entries if design is None else variants[design]
        self.name = self._text(entries, "name") or Path(document.name).stem
        self.about = self._text(entries, "about")
        self.source = self._text(entries, "source")
        self.functional = self._functional(entries)
        self.has_layers = "layers" in entries
        vocabulary = Vocabulary(document)
        self.included: dict[Path, Spec] = {} if read is None else read
        self._include(vocabulary, entries, depth, self.included)
        self.block = self._compile(vocabulary, entries)
        self.blocks: Mapping[str, Block] = vocabulary.blocks
        self.inputs = self._inputs(entries)
        self.reads = frozenset(self._scope.reads)
        self.expect = self._expectations(entries)
        forms = Forms(document)
        self.given = forms.given(entries["given"][1]) if "given" in entries else {}
        self.claims: tuple[Claim, ...] = forms.claims(entries["claims"][1]) if "claims" in entries else ()
        knobs = list(self.block.arguments)
        self.explore = forms.explore(entries["explore"][1], knobs) if "explore" in entries else None
        self.lint = lint_form(document, entries["lint"][1]) if "lint" in entries else LintForm()

    # --- the document -------------------------------------------------------------------------------------------

    def _checked(self, document: Document) -> Entries:
        entries = document.root.entries
        for name, (key, _) in entries.items():
            if name not in KEYS:
                raise SpecError(f"a spec has no key '{name}'" + nearest(name, list(KEYS)), document.at(key))
        if "archtool" in entries:
            version = entries["archtool"][1]
            if not isinstance(version, Scalar) or version.text != VERSION:
                raise SpecError(f"this archtool reads version {VERSION} of the language", document.at(version))
        if "layers" not in entries and "designs" not in entries:
            raise SpecError("a spec needs 'layers'", document.at(document.root))
        return entries

    def _overridden(self, entries: Entries, design: str) -> Entries:
        document = self.document
        known = _entries(document, entries["designs"][1], "designs") if "designs" in entries else {}
        if design not in known:
            raise SpecError(f"'{self.document.name}' has no design '{design}'" + nearest(design, list(known)))
        key, node = known[design]
        merged = {name: entry for name, entry in entries.items() if name != "expect" or not known}
        if isinstance(node, Sequence):
            return {**merged, "layers": (key, node)}
        for name, (word, value) in _entries(document, node, f"design '{design}'").items():
            if name not in OVERRIDES:
                allowed = f"; a design overrides {', '.join(OVERRIDES)}"
                raise SpecError(f"a design can't override '{name}'{allowed}", document.at(word))
            if name == "vars" and "vars" in merged:
                base = _entries(document, merged["vars"][1], "vars")
                over = _entries(document, value, "vars")
                for var, (var_key, _) in over.items():
                    if var not in base:
                        raise SpecError(f"unknown var '{var}'" + nearest(var, list(base)), document.at(var_key))
                merged["vars"] = (word, MappingNode({**base, **over}, False, value.line, value.column))
            else:
                merged[name] = (word, value)
            if name in ("input", "inputs"):
                merged.pop("inputs" if name == "input" else "input", None)
        return merged

    def _text(self, entries: Entries, name: str) -> str:
        if name not in entries:
            return ""
        node = entries[name][1]
        if not isinstance(node, Scalar):
            raise SpecError(f"'{name}' must be a text", self.document.at(node))
        if not all(character.isprintable() for character in node.text.rstrip("\n")):
            raise SpecError(f"'{name}' must be one line of printable text", self.document.at(node))
        return node.text.rstrip("\n")

    def _functional(self, entries: Entries) -> frozenset[str]:
        if "functional" not in entries:
            return frozenset()
        node = entries["functional"][1]
        if not isinstance(node, Sequence):
            raise SpecError("'functional' is a list of layer kinds, like [global_avg_pool]", self.document.at(node))
        for item in node.items:
            if not isinstance(item, Scalar):
                raise SpecError("this is no layer kind", self.document.at(item))
            if item.text not in kinds():
                suggestion = nearest(item.text, kinds(), [])
                raise SpecError(f"'{item.text}' is no layer kind{suggestion}", self.document.at(item))
        return frozenset(item.text for item in node.items if isinstance(item, Scalar))

    # --- blocks -------------------------------------------------------------------------------------------------

    def _include(self, vocabulary: Vocabulary, entries: Entries, depth: int, read: dict[Path, Spec]) -> None:
        if "include" not in entries:
            return
        document = self.document
        for alias, (key, node) in _entries(document, entries["include"][1], "include").items():
            if not isinstance(node, Scalar) or not node.text:
                raise SpecError("'include' is a mapping from alias to file", document.at(node))
            path = self._included_file(node)
            if depth >= MAX_INCLUDES:
                raise SpecError("specs include each other in a circle, or too deeply", document.at(key))
            if path not in read:
                read[path] = Spec(self.library.read(path), None, path.parent, depth + 1, read, self.library)
            included = read[path]
            if not included.has_layers:
                raise SpecError(f"'{node.text}' has no layers of its own to include", document.at(node))
            block = included.block.having({})
            block.name = alias
            vocabulary.blocks[alias] = block

    def _included_file(self, node: Scalar) -> Path:
        written = Path(node.text)
        path = None if written.is_absolute() else self.library.find(self.folder or Path(), written)
        if path is not None:
            return path
        where = "below the spec's folder or among the shipped specs"
        raise SpecError(f"'{node.text}' can't be included: there is no such file {where}", self.document.at(node))

    def _compile(self, vocabulary: Vocabulary, entries: Entries) -> Block:
        document = self.document
        blocks = _entries(document, entries["blocks"][1], "blocks") if "blocks" in entries else {}
        for name, (key, node) in blocks.items():
            if name in vocabulary.blocks:
                raise SpecError(f"block '{name}' has the name of an included spec", document.at(key))
            vocabulary.blocks[name] = Block(name, document, node)
        scopes = {name: Scope(vocabulary, (name,)) for name in blocks}
        for name, (_, node) in blocks.items():
            parts = scopes[name].mapping(node, f"block '{name}'")
            for part, (key, _) in parts.items():
                if part not in ("args", "body", "outputs"):
                    raise SpecError(
                        f"a block has no '{part}'" + nearest(part, ["args", "body", "outputs"]),
                        document.at(key),
                        (name,),
                    )
            if "body" not in parts:
                raise SpecError("a block needs a 'body'", document.at(node), (name,))
            _declare(vocabulary.blocks[name], scopes[name], parts.get("args"))
        for name, (_, node) in blocks.items():
            parts = scopes[name].mapping(node, f"block '{name}'")
            _fill(vocabulary.blocks[name], scopes[name], parts["body"][1], parts.get("outputs"), "body")
        network = Block(self.name, document, document.root)
        scope = Scope(vocabulary, ())
        self._scope = scope
        _declare(network, scope, entries.get("vars"))
        for name, value in network.arguments.items():
            if value is None:
                raise SpecError(f"the var '{name}' needs a value", document.at(network.nodes[name]))
            if value.uses & {HERE, INPUT}:
                raise SpecError(f"the var '{name}' can't depend on the input", document.at(network.nodes[name]))
        inputs = entries.get("inputs")
        names = list(_entries(document, inputs[1], "inputs")) if inputs else []
        if "layers" in entries:  # else only its designs have
            _fill(network, scope, entries["layers"][1], entries.get("outputs"), "layers", names)
        return network

    # --- inputs, values -----------------------------------------------------------------------------------------

    def _inputs(self, entries: Entries) -> dict[str, tuple[Node, Mapping[str, Expression] | Expression]]:
        if "input" in entries and "inputs" in entries:
            raise SpecError("a spec has 'input' or 'inputs', not both", self.document.at(entries["inputs"][0]))
        if "input" in entries:
            return {"input": self._input(entries["input"][1])}
        if "inputs" not in entries:
            raise SpecError("a spec needs 'input'", self.document.at(self.document.root))
        found = {
            name: self._input(node)
            for name, (_, node) in _entries(self.document, entries["inputs"][1], "inputs").items()
        }
        if not found:
            raise SpecError("'inputs' names no input", self.document.at(entries["inputs"][0]))
        return found

    def _input(self, node: Node) -> tuple[Node, Mapping[str, Expression] | Expression]:
        if isinstance(node, MappingNode):
            self._scope.only(node, ("tokens", "channels"))
            return node, {name: self._scope.value(value) for name, (_, value) in node.entries.items()}
        if not isinstance(node, Sequence) or not 1 <= len(node.items) <= 4:
            form = "[channels], [channels, length], [channels, height, width] ... or {tokens: n, channels: c}"
            raise SpecError(f"'input' is {form}", self.document.at(node))
        return node, self._scope.value(node)

    def shapes(self, environment: Environment) -> dict[str, Shape]:
        """The inputs' shapes, by name, where the vars have these values."""
        return {name: self._shape(node, form, environment) for name, (node, form) in self.inputs.items()}

    def _shape(self, node: Node, form: Any, environment: Environment) -> Shape:
        size = SizeKind()
        try:
            if isinstance(form, Expression):
                channels, *spatial = (size.read(value) for value in form.evaluate(environment))
                return Shape(channels, tuple(spatial))
            channels, tokens = (size.read(form[name].evaluate(environment)) for name in ("channels", "tokens"))
            return Shape(channels, (tokens,), True)
        except RuleError as error:
            raise SpecError(f"input: {error}", self.document.at(node)) from None

    def override(self, name: str, value: object) -> Expression:
        """The value of a knob: an expression's text as on the command line, or a Python value; raises SpecError."""
        if name not in self.block.arguments:
            raise SpecError(f"'{self.name}' has no var '{name}'" + nearest(name, list(self.block.arguments)))
        if not isinstance(value, str):
            try:
                return constant(str(value), python_value(value))
            except RuleError as error:
                raise SpecError(f"{name}: {error}") from None
        document = read_text("value: " + value, f"--set {name}")
        node = document.root.entries["value"][1]
        found = self._elsewhere(document, frozenset(self.block.arguments) - {name}).value(node)
        if found.uses & {HERE, INPUT}:
            raise SpecError(f"the var '{name}' can't depend on the input", document.at(node))
        return found

    def value(self, node: Node, document: Document) -> Any:
        """The constant that a node of this spec, or of a text beside it, is; raises SpecError."""
        try:
            found = self._elsewhere(document, frozenset()).value(node)
        except SpecError as error:
            try:  # it may speak of a var, which words and steps do not
                found = self._elsewhere(document, frozenset(self.block.arguments)).value(node)
            except SpecError:
                raise error from None
        if not found.is_constant:
            names = [f"the var '{name}'" for name in self.block.arguments if name in found.uses]
            step = "make the step a block, which can see its input (input.channels), and name that"
            instead = step if isinstance(node, MappingNode) else "write a number"
            raise SpecError(f"this can't depend on {names[0] if names else 'the input'}; {instead}", document.at(node))
        return found.constant

    def _elsewhere(self, document: Document, variables: frozenset[str]) -> Scope:
        """What the network's values mean in another document."""
        scope = Scope(self._scope.vocabulary, ())
        scope.document, scope.variables = document, variables
        return scope

    # --- published totals ---------------------------------------------------------------------------------------

    def _expectations(self, entries: Entries) -> tuple[Expectation, ...]:
        if "expect" not in entries:
            return ()
        document = self.document
        found = []
        for metric, (key, node) in _entries(document, entries["expect"][1], "expect").items():
            if metric not in METRICS:
                raise SpecError(f"'{metric}' is not a metric" + nearest(metric, METRICS), document.at(key))
            tolerance = 0.0
            value_node = node
            if isinstance(node, MappingNode):
                self._scope.only(node, ("value",), ("rel",))
                value_node = node.entries["value"][1]
                if "rel" in node.entries:
                    tolerance = float(_constant(document, self._scope, node.entries["rel"][1]))
                    if tolerance < 0:
                        raise SpecError("'rel' is at least 0", document.at(node.entries["rel"][1]))
            value = _constant(document, self._scope, value_node)
            found.append(Expectation(metric, value, tolerance, document.at(key)))
        return tuple(found)


def python_value(value: object) -> Any:
    """A Python value as one of the language: floats become the decimal that they print as."""
    if isinstance(value, bool | int | Fraction):
        return value
    if isinstance(value, Integral):  # of numpy, say
        return int(value)
    if isinstance(value, Real) and isfinite(value):
        return Fraction(str(float(value)))
    if isinstance(value, list | tuple):
        return tuple(python_value(item) for item in value)
    raise RuleError(f"{value!r} is not a value of the language")


def _entries(document: Document, node: Node, what: str) -> Entries:
    if isinstance(node, MappingNode):
        return node.entries
    if isinstance(node, Scalar) and not node.text and not node.quoted:
        return {}
    raise SpecError(f"'{what}' must be a mapping, like {{name: value}}", document.at(node))


def _constant(document: Document, scope: Scope, node: Node) -> Any:
    value = scope.value(node)
    if not value.is_constant:
        raise SpecError("this must be a plain number", document.at(node))
    return value.constant


def _declare(block: Block, scope: Scope, args: tuple[Scalar, Node] | None) -> None:
    """Give a block its arguments."""
    entries = scope.mapping(args[1], f"'{args[0].text}'") if args else {}
    block.arguments = scope.arguments(entries)
    block.nodes = {name: node for name, (_, node) in entries.items()}
    block.required = tuple(name for name, value in block.arguments.items() if value is None)


def _fill(
    block: Block,
    scope: Scope,
    body: Node,
    outputs: tuple[Scalar, Node] | None,
    what: str,
    inputs: list[str] | None = None,
) -> None:
    """Give a block its body and its outputs."""
    scope.tensors = {*tensor_names(body, scope.fail), *(inputs or ())}
    block.body = BodyCompiler(scope).body(body, what)
    if outputs is not None:
        names = []
        for node in scope.items(outputs[1], "'outputs'"):
            name = scope.identifier(node, "an output")
            if name not in scope.tensors:
                scope.fail(node, f"no step has the name '{name}'" + nearest(name, list(scope.tensors)))
            names.append(name)
        block.outputs = tuple(names)
