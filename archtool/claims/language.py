"""The language of claims: from a text to its parts.

Python's parser reads the text to a syntax tree, and nothing is run. What has numbers alone becomes an expression of
the spec language, in which each number of a network (`params(P)`) is a variable.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final, NoReturn

from archtool.algebra.targets import target
from archtool.analysis.measures import METRICS
from archtool.analysis.options import Options
from archtool.claims.parts import All, Argument, Comparison, Fact, Not, Number, Part, Reference, Side, Some, Step, Word
from archtool.claims.words import BOUNDED, COUNTED, FACTS, NUMBERS, THIS
from archtool.errors import RuleError, nearest
from archtool.spec.domains import AS
from archtool.spec.expressions import Expression, compile_expression, syntax_tree
from archtool.spec.functions import FUNCTIONS
from archtool.spec.values import HERE, INPUT

MOST_PARTS: Final = 60  # of a claim: numbers, facts, networks that it names
SIGNS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


def read(text: str, names: Iterable[str]) -> Part:
    """A claim's text, in which vars and free sizes may stand by their names; raises RuleError."""
    return _Reader(text, frozenset(names)).claim()


def read_condition(text: str, names: Iterable[str]) -> Comparison:
    """The text of a `when`: numbers alone, compared; raises RuleError."""
    reader = _Reader(text, frozenset(names))
    tree = reader.tree()
    if reader.has_facts(tree):
        raise RuleError("'when' compares sizes and numbers of networks; a property can't stand there")
    found = reader.comparison(tree)
    for number in found.numbers.values():
        if number.function in BOUNDED:  # a bound that is not reached would leave out sizes
            raise RuleError(f"{number.text} can't stand in 'when': a bound may be all that is known of it")
    return found


class _Reader:
    def __init__(self, text: str, names: frozenset[str]) -> None:
        self.text = AS.sub("as_=", text).strip()
        self.names = names
        self.parts = 0

    def claim(self) -> Part:
        return self.part(self.tree())

    def tree(self) -> ast.AST:
        try:
            tree = syntax_tree(self.text)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "too deeply nested"
            raise RuleError(f"this is no claim ({reason})") from None
        return tree.body  # type: ignore[attr-defined, no-any-return]  # an Expression

    def fail(self, reason: str) -> NoReturn:
        raise RuleError(reason)

    def said(self, node: ast.AST) -> str:
        """A node as it was written."""
        return " ".join((ast.get_source_segment(self.text, node) or "").replace("as_=", "as=").split())

    def count(self) -> None:
        self.parts += 1
        if self.parts > MOST_PARTS:
            self.fail(f"a claim names at most {MOST_PARTS} things")

    # --- parts ----------------------------------------------------------------------------------------------------

    def part(self, node: ast.AST) -> Part:
        is_and = isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And)
        if not is_and and not self.has_facts(node):
            return self.comparison(node)
        if isinstance(node, ast.BoolOp):
            kind = All if isinstance(node.op, ast.And) else Some
            return kind(tuple([self.part(each) for each in node.values]), self.said(node))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.part(node.operand), self.said(node))
        if isinstance(node, ast.Compare):
            return self.coupled(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FACTS:
            return self.fact(node)
        self.fail(f"'{self.said(node)}': a property is true or false; join them by 'and', 'or', 'not'")

    def has_facts(self, node: ast.AST) -> bool:
        """Whether a fact stands in it, outside of what names a network."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in FACTS:
                return True
            if node.func.id in NUMBERS:
                return False
        return any([self.has_facts(child) for child in ast.iter_child_nodes(node)])

    def fact(self, node: ast.Call, how: str = "") -> Fact:
        self.count()
        name = node.func.id  # type: ignore[attr-defined]  # has_facts saw its name
        word = FACTS[name]
        given = {each.arg or "": each.value for each in node.keywords}
        positional = list(node.args)
        options: dict[str, Any] = {}
        if name == "expressible" and "as_" in given:
            positional.append(given.pop("as_"))
        if name == "fits":
            if len(positional) == 1 and "target" in given:
                positional.append(given.pop("target"))
            if len(positional) != 2:
                self.fail("fits(...) takes a network and a function: fits(net, xor), fits(net, abs(x1 - x2))")
            options["target"] = _literal(positional.pop(), self)
            options |= {key: _literal(given.pop(key), self) for key in ("on", "error") if key in given}
            target(options["target"], options.get("on"))  # refused here where it can't be read
            error = options.get("error", 1)
            if type(error) not in (int, float) or not error > 0:
                self.fail(f"'error' of fits is a number of more than 0, not '{error}'")
        if not positional and word.subjects == 1:
            positional = [ast.Name(THIS)]
        if len(positional) != word.subjects:
            many = "one network" if word.subjects == 1 else "two networks"
            form = ": expressible(a, as=b)" if name == "expressible" else ""
            self.fail(f"{name}(...) takes {many}, not {len(positional)}{form}")
        if how:
            options["how"] = how
        for option, value in given.items():
            allowed = word.options.get(option)
            if allowed is None:
                self.fail(f"{name}(...) has no '{option}'" + nearest(option, word.options))
            written = value.id if isinstance(value, ast.Name) else self.said(value)
            if written not in allowed:
                self.fail(f"'{option}' of {name} is one of {', '.join(allowed)}, not '{written}'")
            options[option] = written
        if name == "permutation_equivariant" and "axis" not in options:
            options["axis"] = "pixels"
        if name == "mixes_channels":
            options.setdefault("how", "full")
        return Fact(name, tuple([self.reference(each) for each in positional]), options, self.said(node))

    def coupled(self, node: ast.Compare) -> Part:
        """`mixes_channels(d) == full`, the one property that has a word as its value."""
        sides = [node.left, *node.comparators]
        calls = [each for each in sides if isinstance(each, ast.Call)]
        words = [each.id for each in sides if isinstance(each, ast.Name)]
        is_equality = len(sides) == 2 and isinstance(node.ops[0], ast.Eq | ast.NotEq)
        if not (is_equality and len(calls) == len(words) == 1 and getattr(calls[0].func, "id", "") == "mixes_channels"):
            self.fail(f"'{self.said(node)}': a property is true or false, and can't be compared")
        allowed = FACTS["mixes_channels"].options["how"]
        if words[0] not in allowed:
            self.fail(f"channels mix in {', '.join(allowed)}, not '{words[0]}'" + nearest(words[0], allowed))
        found = self.fact(calls[0], words[0])._replace(text=self.said(node))
        return found if isinstance(node.ops[0], ast.Eq) else Not(found, self.said(node))

    # --- numbers --------------------------------------------------------------------------------------------------

    def comparison(self, node: ast.AST) -> Comparison:
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NUMBERS:
            self.fail(f"'{self.said(node)}' is a number; compare it with one")
        text = self.said(node)
        is_value = isinstance(node, ast.Constant) and type(node.value) is not bool
        if is_value or isinstance(node, ast.BinOp | ast.List | ast.Tuple):
            self.fail(f"'{text}' is neither true nor false; compare it with something")
        rewriter = _Numbers(self)
        changed = rewriter.visit(deepcopy(node))
        names = [*self.names, *rewriter.found]
        truth = self.expression(ast.unparse(ast.fix_missing_locations(changed)), names)
        sides = []
        for each in self.compared(node):
            value = ast.fix_missing_locations(_Numbers(self, rewriter.known).visit(deepcopy(each)))
            sides.append(Side(self.said(each), self.expression(ast.unparse(value), names)))
        signs = tuple([SIGNS[type(op)] for op in node.ops]) if isinstance(node, ast.Compare) else ()
        return Comparison(text, truth, rewriter.found, tuple(sides), signs)

    def compared(self, node: ast.AST) -> list[ast.AST]:
        """The sides of the comparisons in it."""
        if isinstance(node, ast.Compare):
            return [node.left, *node.comparators]
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "approx":
            return list(node.args)
        parts = node.values if isinstance(node, ast.BoolOp) else [node.operand] if isinstance(node, ast.UnaryOp) else []
        return [side for part in parts for side in self.compared(part)]

    def number(self, node: ast.Call) -> Number:
        self.count()
        name = node.func.id  # type: ignore[attr-defined]  # as its caller saw
        if len(node.args) > 1:
            self.fail(f"{name}(...) takes one network, not {len(node.args)}")
        allowed = COUNTED if name in METRICS else ()
        options = []
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in allowed:
                self.fail(f"{name}(...) has no '{keyword.arg}'" + nearest(keyword.arg or "", allowed))
            options.append((keyword.arg, _plain(keyword.value, self)))
        Options(**dict(options))  # refused here where one is unknown
        subject = self.reference(node.args[0] if node.args else ast.Name(THIS))
        return Number(name, subject, tuple(options), self.said(node))

    # --- networks -------------------------------------------------------------------------------------------------

    def reference(self, node: ast.AST) -> Reference:
        self.count()
        if isinstance(node, ast.Name):
            return Reference(node.id, (), node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if node.args:
                self.fail(f"arguments of a network are named: {name}(name={self.said(node.args[0])})")
            return Reference(name, self.arguments(node), self.said(node))
        self.fail(
            f"'{self.said(node)}' names no network; write a design or a block, with arguments: bottleneck(mid=64)"
        )

    def arguments(self, node: ast.Call) -> tuple[tuple[str, Argument], ...]:
        found: dict[str, Argument] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                self.fail("'**' is not part of the language")
            name = keyword.arg.removesuffix("_") if keyword.arg == "as_" else keyword.arg
            if name in found:
                self.fail(f"'{name}' is given twice")
            found[name] = self.argument(keyword.value)
        return tuple(found.items())

    def argument(self, node: ast.AST) -> Argument:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return Word(node.value)
        if isinstance(node, ast.Name) and node.id not in self.names:
            return Word(node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in FUNCTIONS:
            if node.args:
                self.fail(f"the fields of a step are named: {node.func.id}(name={self.said(node.args[0])})")
            return Step(node.func.id, self.arguments(node))
        return self.expression(self.said(node), self.names)

    def expression(self, text: str, names: Iterable[str]) -> Expression:
        """An expression of the spec language over numbers; tensors are a spec's own."""
        found = compile_expression(text, names, ())
        if found.uses & {HERE, INPUT}:
            self.fail("'x' and 'input' are tensors, and no sizes; write channels(d), height(d) or width(d)")
        return found


class _Numbers(ast.NodeTransformer):
    """Puts a variable in the place of each number of a network; `found` has them by the variables' names."""

    def __init__(self, reader: _Reader, known: Mapping[str, str] | None = None) -> None:
        self.reader = reader
        self.known: dict[str, str] = dict(known or {})  # variables by what was written
        self.found: dict[str, Number] = {}

    def visit_Call(self, node: ast.Call) -> ast.AST:  # the parser's name for it
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "approx":
            return self.visit(_approximately(node, self.reader))  # type: ignore[no-any-return]
        if name not in NUMBERS:
            if name and name not in FUNCTIONS:
                known = [*FUNCTIONS, *NUMBERS, *FACTS, "approx"]
                self.reader.fail(f"'{name}' is nothing that a claim knows" + nearest(name, known, [*NUMBERS, *FACTS]))
            return self.generic_visit(node)
        return self.variable(self.reader.number(node) if self.reader.said(node) not in self.known else None, node)

    def visit_Name(self, node: ast.Name) -> ast.AST:  # as above
        if node.id in METRICS and node.id not in self.reader.names:  # of the spec's own network
            call = ast.copy_location(ast.Call(node, [], []), node)
            return self.variable(self.reader.number(call) if node.id not in self.known else None, node)
        return node

    def variable(self, number: Number | None, node: ast.expr) -> ast.AST:
        said = self.reader.said(node)
        if number is not None:
            name = f"number_{len(self.found) + 1}"
            while name in self.reader.names:
                name += "_"
            self.known[said] = name
            self.found[name] = number._replace(text=said)
        return ast.copy_location(ast.Name(self.known[said]), node)


def _approximately(node: ast.Call, reader: _Reader) -> ast.AST:
    """approx(a, b, rel=r) is abs(a - b) <= r * abs(b); with abs=t it is abs(a - b) <= t."""
    given = {each.arg: each.value for each in node.keywords}
    if len(node.args) != 2 or len(given) != 1 or not given.keys() <= {"rel", "abs"}:
        reader.fail("write approx(a, b, rel=0.01), or approx(a, b, abs=10)")
    a, b = node.args
    ((how, bound),) = given.items()
    limit = bound if how == "abs" else ast.BinOp(bound, ast.Mult(), ast.Call(ast.Name("abs"), [b], []))
    distance = ast.Call(ast.Name("abs"), [ast.BinOp(a, ast.Sub(), b)], [])
    return ast.copy_location(ast.Compare(distance, [ast.LtE()], [limit]), node)


def _literal(node: ast.AST, reader: _Reader) -> Any:
    """A number, or a list of them, as it is; a text in quotes, and whatever else was written, as text."""
    try:
        return ast.literal_eval(node)  # nothing is run
    except (ValueError, TypeError, MemoryError, RecursionError):
        return reader.said(node)


def _plain(node: ast.AST, reader: _Reader) -> Any:
    """An option's value: a word, a text, a whole number or a truth value."""
    if isinstance(node, ast.Name):
        return {"true": True, "false": False}.get(node.id, node.id)
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
        return node.value
    reader.fail(f"'{reader.said(node)}' is no option; write a word or a whole number")
