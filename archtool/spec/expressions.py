"""The expressions of the spec language: a small closed evaluator.

The text is parsed by Python's own parser to a syntax tree (nothing is ever run), of which only the nodes named here
are accepted; each is turned, once, into a closure over an environment. Names are resolved when the text is read.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable
from fractions import Fraction
from operator import itemgetter
from typing import Any, Final

from archtool.errors import RuleError, Untraceable, nearest
from archtool.fields import describe
from archtool.layer import kinds, words
from archtool.size import all_of, any_of, negate
from archtool.spec import numbers
from archtool.spec.functions import ATTRIBUTES, FUNCTIONS, MANY
from archtool.spec.lists import bind, in_text, is_list, item, made, sequence, shortened, spend, spend_on
from archtool.spec.values import HERE, INPUT, WORK, Allowance, Environment, Tensor, refuse_choice, tensor_key
from archtool.trace import Expr, is_condition

Evaluate = Callable[[Environment], Any]
MAX_LENGTH: Final = 2000
MAX_DEPTH: Final = 60
MAX_EXPONENT: Final = 2000  # of a decimal literal
CONSTANT_WORK: Final = 100_000  # list items that a constant expression may take
WHOLE: Final = re.compile(r"[-+]?[0-9][0-9_]*")
NAME: Final = re.compile(r"[A-Za-z_]\w*")
OTHER_BASE: Final = re.compile(r"[-+]?0(x[0-9a-fA-F_]+|o[0-7_]+)")


class Expression:
    """A compiled expression: its text, its closure, and the value where it is constant."""

    __slots__ = ("constant", "evaluate", "is_constant", "text", "uses")

    def __init__(self, text: str, evaluate: Evaluate, uses: frozenset[str]) -> None:
        self.text = text
        self.evaluate = evaluate
        self.uses = uses
        self.is_constant = not uses
        self.constant = evaluate({WORK: Allowance(CONSTANT_WORK)}) if self.is_constant else None


def constant(text: str, value: Any) -> Expression:
    """An expression that is already a value."""
    return Expression(text, lambda environment: value, frozenset())


def number(text: str) -> Expression | None:
    """The plain whole number that a text is, if it is one (decimal, 0x or 0o, as in YAML 1.2)."""
    if WHOLE.fullmatch(text):
        if len(text) > MAX_LENGTH // 2:
            raise RuleError("a number of more than 1,000 digits")
        value = int(text.replace("_", ""))
        return constant(text, numbers.checked(value))
    if OTHER_BASE.fullmatch(text):
        return constant(text, numbers.checked(int(text.replace("_", ""), 0)))
    return None


def compile_expression(text: str, variables: Iterable[str], tensors: Iterable[str]) -> Expression:
    """Compile a text whose names are variables (or arguments), tensors, `x` and `input`; raises RuleError."""
    plain = number(text)
    if plain is not None:
        return plain
    if len(text) > MAX_LENGTH:
        raise RuleError(f"an expression of more than {MAX_LENGTH:,} characters")
    return _Compiler(text, frozenset(variables), frozenset(tensors)).expression()


def syntax_tree(text: str) -> ast.AST:
    """The text read by Python's parser; raises SyntaxError, ValueError, MemoryError or RecursionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of `1if` and the like Python only warns, on standard error
        return compile(text.strip(), "", "eval", ast.PyCF_ONLY_AST, dont_inherit=True)


def suggestion(word: str, known: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """The end of a message about an unknown word: how truth is written for `yes`, `Off` ..., else the nearest one."""
    return "; write true or false" if word.lower() in _TRUTH_ELSEWHERE else nearest(word, known, shown)


class _Compiler:
    """Turns one text into closures; `uses` gathers the environment's names that it reads."""

    def __init__(self, text: str, variables: frozenset[str], tensors: frozenset[str]) -> None:
        self.text = text
        self.variables = variables
        self.tensors = tensors
        self.uses: set[str] = set()
        self.bound: tuple[str, ...] = ()
        self.depth = 0

    def expression(self) -> Expression:
        try:
            tree = syntax_tree(self.text)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "too deeply nested"
            raise RuleError(f"'{shortened(self.text)}' is not an expression ({reason})") from None
        evaluate = self.node(tree.body)  # type: ignore[attr-defined]  # an Expression
        try:
            return Expression(self.text, evaluate, frozenset(self.uses))
        except RuleError as error:
            raise RuleError(in_text(str(error), self.text)) from None

    def node(self, node: ast.AST) -> Evaluate:
        rule = _RULES.get(type(node))
        if rule is None:
            raise RuleError(f"{_said(node)} is not part of the language (in '{shortened(self.text)}')")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RuleError(f"'{shortened(self.text)}' is nested too deeply")
        evaluate = rule(self, node)
        self.depth -= 1
        return evaluate

    def constant(self, node: ast.Constant) -> Evaluate:
        value = node.value
        if isinstance(value, float):
            literal = ast.get_source_segment(self.text.strip(), node) or repr(value)
            value = numbers.checked(_decimal(literal))
        elif isinstance(value, int) and not isinstance(value, bool):
            value = numbers.checked(value)
        elif not isinstance(value, bool):
            raise RuleError(f"{value!r} is not a value (in '{shortened(self.text)}')")
        return lambda environment: value

    def name(self, node: ast.Name) -> Evaluate:
        name = node.id
        if name in self.bound:
            return itemgetter(name)
        if name in self.variables:
            self.uses.add(name)
            return itemgetter(name)
        if name in _TRUTH:
            truth = _TRUTH[name]
            return lambda environment: truth
        if name == "x":
            self.uses.add(HERE)
            return itemgetter(HERE)
        if name == "input" or name in self.tensors:
            key = INPUT if name == "input" else tensor_key(name)
            self.uses.add(key)
            return _tensor(name, key)
        if name in FUNCTIONS:
            raise RuleError(f"'{name}' is a function; write {name}(...)")
        known = [*self.variables, *self.tensors, *self.bound, "x", "input"]
        if name in kinds() or name in words():
            what = "a layer kind" if name in kinds() else "a word of a field"
            raise RuleError(f"'{name}' is {what}: words and steps can't stand in an expression")
        raise RuleError(f"unknown name '{name}'" + suggestion(name, known))

    def binary(self, node: ast.BinOp) -> Evaluate:
        operation = _BINARY.get(type(node.op))
        if operation is None:
            reason = f"operator {type(node.op).__name__} is not part of the language"
            raise RuleError(in_text(reason, self.text))
        left, right = self.node(node.left), self.node(node.right)
        text = self.text

        def evaluate(environment: Environment) -> Any:
            a, b = left(environment), right(environment)
            if not (type(a) is int and type(b) is int):
                _number(a, text)
                _number(b, text)
            return operation(a, b)

        return evaluate

    def unary(self, node: ast.UnaryOp) -> Evaluate:
        operand = self.node(node.operand)
        text = self.text
        if isinstance(node.op, ast.Not):
            return lambda environment: negate(_condition(operand(environment), text))
        if isinstance(node.op, ast.USub):
            return lambda environment: numbers.negative(_number(operand(environment), text))
        if isinstance(node.op, ast.UAdd):
            return lambda environment: _number(operand(environment), text)
        raise RuleError(f"operator ~ is not part of the language (in '{shortened(text)}')")

    def logical(self, node: ast.BoolOp) -> Evaluate:
        parts = [self.node(part) for part in node.values]
        absorbing = isinstance(node.op, ast.Or)
        combine = any_of if absorbing else all_of
        text = self.text

        def evaluate(environment: Environment) -> Any:
            conditions = []
            for part in parts:
                condition = _condition(part(environment), text)
                if condition is absorbing:
                    return absorbing
                conditions.append(condition)
            return combine(*conditions)

        return evaluate

    def comparison(self, node: ast.Compare) -> Evaluate:
        operators = []
        for operator in node.ops:
            if type(operator) not in _COMPARISONS:
                raise RuleError(f"'{shortened(self.text)}': compare with == != < <= > >= only")
            operators.append(_COMPARISONS[type(operator)])
        terms = [self.node(term) for term in (node.left, *node.comparators)]

        def evaluate(environment: Environment) -> Any:
            values = [term(environment) for term in terms]
            spend_on(environment, values)
            if len(operators) == 1:
                return numbers.compare(operators[0], values[0], values[1])
            found = [numbers.compare(op, a, b) for op, a, b in zip(operators, values, values[1:], strict=False)]
            return all_of(*found)

        return evaluate

    def conditional(self, node: ast.IfExp) -> Evaluate:
        test, yes, no = self.node(node.test), self.node(node.body), self.node(node.orelse)
        text = self.text

        def evaluate(environment: Environment) -> Any:
            condition = _condition(test(environment), text)
            if isinstance(condition, Expr):
                return numbers.choose(condition, yes(environment), no(environment))
            return yes(environment) if condition else no(environment)

        return evaluate

    def listing(self, node: ast.List | ast.Tuple) -> Evaluate:
        items = [self.node(item) for item in node.elts]
        return lambda environment: made(environment, [item(environment) for item in items])

    def index(self, node: ast.Subscript) -> Evaluate:
        if isinstance(node.slice, ast.Slice):
            raise RuleError(f"'{shortened(self.text)}': slices are not part of the language")
        of, at = self.node(node.value), self.node(node.slice)
        text = self.text
        return lambda environment: item(of(environment), at(environment), text)

    def attribute(self, node: ast.Attribute) -> Evaluate:
        of = self.node(node.value)
        name = node.attr
        if name not in ATTRIBUTES:
            known = ", ".join(ATTRIBUTES)
            raise RuleError(f"unknown attribute '.{name}'{nearest(name, list(ATTRIBUTES))} (tensors have {known})")
        read = ATTRIBUTES[name]

        def evaluate(environment: Environment) -> Any:
            value = of(environment)
            if not isinstance(value, Tensor):
                raise RuleError(f"{describe(value)} is not a tensor; it has no .{name}")
            return read(value.shape)

        return evaluate

    def call(self, node: ast.Call) -> Evaluate:
        if not isinstance(node.func, ast.Name):
            raise RuleError(f"only the language's functions can be called, by name (in '{shortened(self.text)}')")
        name = node.func.id
        if name not in FUNCTIONS:
            raise RuleError(f"'{name}' is not a function of the language" + nearest(name, list(FUNCTIONS)))
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise RuleError(f"{name}(...) takes plain arguments only")
        function, least, most = FUNCTIONS[name]
        if not least <= len(node.args) <= most:
            count = f"{least}" if least == most else f"{least} to {most}" if most < MANY else f"at least {least}"
            raise RuleError(f"{name}(...) takes {count} arguments, not {len(node.args)}")
        arguments = [self.node(argument) for argument in node.args]

        def evaluate(environment: Environment) -> Any:
            values = [argument(environment) for argument in arguments]
            spend_on(environment, values)
            result = function(*values)
            return made(environment, result) if is_list(result) else result

        return evaluate

    def comprehension(self, node: ast.GeneratorExp | ast.ListComp) -> Evaluate:
        if len(node.generators) != 1:
            raise RuleError("one 'for' at a time in a list")
        loop = node.generators[0]
        names = _targets(loop.target, self.text)
        over = self.node(loop.iter)
        outer = self.bound
        self.bound = (*outer, *names)
        element = self.node(node.elt)
        tests = [self.node(test) for test in loop.ifs]
        self.bound = outer
        text = shortened(self.text)

        def evaluate(environment: Environment) -> Any:
            inner = dict(environment)
            result = []
            for turn in sequence(over(environment), f"'{text}'"):
                spend(environment, 1)
                bind(inner, names, turn)
                conditions = [_condition(test(inner), text) for test in tests]
                if any(isinstance(condition, Expr) for condition in conditions):
                    raise Untraceable("which items a list has varies with the design", *conditions)
                if all(conditions):
                    result.append(element(inner))
            return made(environment, result)

        return evaluate


def _decimal(literal: str) -> Fraction:
    exponent = re.split("[eE]", literal)[1:]
    if exponent and abs(int(exponent[0])) > MAX_EXPONENT:
        raise RuleError(f"the number {shortened(literal)} has more than {numbers.MAX_BITS} bits")
    return Fraction(literal.replace("_", ""))


def _tensor(name: str, key: str) -> Evaluate:
    def evaluate(environment: Environment) -> Any:
        try:
            return environment[key]
        except KeyError:
            raise RuleError(
                f"'{name}' has no tensor yet; it is made by a later step, or on a branch not taken"
            ) from None

    return evaluate


def _number(value: Any, text: str) -> Any:
    if numbers.is_number(value):
        return value
    refuse_choice(value, f"a number (in '{shortened(text)}')")
    raise RuleError(f"{describe(value)} is not a number (in '{shortened(text)}')")


def _condition(value: Any, text: str) -> Any:
    if is_condition(value):
        return value
    refuse_choice(value, f"a truth value (in '{shortened(text)}')")
    raise RuleError(f"{describe(value)} is neither true nor false (in '{shortened(text)}')")


def _targets(target: ast.AST, text: str) -> tuple[str, ...]:
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    if not all(isinstance(part, ast.Name) for part in parts):
        raise RuleError(f"'{shortened(text)}': a loop has names only")
    return tuple(part.id for part in parts if isinstance(part, ast.Name))


def _said(node: ast.AST) -> str:
    said = {"Lambda": "'lambda'", "Dict": "{ }", "Set": "{ }", "Starred": "'*'", "NamedExpr": "':='"}
    said |= {"JoinedStr": "a text", "Await": "'await'", "Yield": "'yield'", "DictComp": "{ }", "SetComp": "{ }"}
    return said.get(type(node).__name__, type(node).__name__)


_TRUTH: Final = {"true": True, "false": False, "True": True, "False": False}
_TRUTH_ELSEWHERE: Final = ("true", "false", "yes", "no", "on", "off")  # in YAML 1.1, in any case
_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: numbers.add,
    ast.Sub: numbers.subtract,
    ast.Mult: numbers.multiply,
    ast.Div: numbers.divide,
    ast.FloorDiv: numbers.floor_divide,
    ast.Mod: numbers.modulo,
    ast.Pow: numbers.power,
}
_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_RULES: Final[dict[type[ast.AST], Callable[[_Compiler, Any], Evaluate]]] = {
    ast.Constant: _Compiler.constant,
    ast.Name: _Compiler.name,
    ast.BinOp: _Compiler.binary,
    ast.UnaryOp: _Compiler.unary,
    ast.BoolOp: _Compiler.logical,
    ast.Compare: _Compiler.comparison,
    ast.IfExp: _Compiler.conditional,
    ast.List: _Compiler.listing,
    ast.Tuple: _Compiler.listing,
    ast.Subscript: _Compiler.index,
    ast.Attribute: _Compiler.attribute,
    ast.Call: _Compiler.call,
    ast.GeneratorExp: _Compiler.comprehension,
    ast.ListComp: _Compiler.comprehension,
}
