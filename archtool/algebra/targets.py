"""Small functions that a network may be asked to compute: expressions of its input's channels, or tables.

`x1`, `x2` ... are the channels of a position, `x2[0, -1]` that of the position at an offset; a bare `x` is `x1`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any, Final, NamedTuple

from archtool.algebra import hinges
from archtool.algebra.hinges import Input, Sum
from archtool.errors import RuleError, nearest
from archtool.spec.expressions import MAX_DEPTH, MAX_LENGTH, syntax_tree
from archtool.spec.lists import shortened

Point = Mapping[Input, Fraction]
BITS: Final = (Fraction(0), Fraction(1))
MOST_ROWS: Final = 4096
MOST_BITS: Final = 64  # of a number
MOST_TERMS: Final = 2000
LARGEST_EXPONENT: Final = 8
NAME: Final = re.compile(r"x(0|[1-9][0-9]{0,5})?")


class Row(NamedTuple):
    """A row of a table: values of the inputs, in the target's order, and the output."""

    inputs: tuple[Fraction, ...]
    output: Fraction


@dataclass(frozen=True, kw_only=True)
class Target:
    """A function of some inputs: on the `rows` of a table, else for all real values; there `pieces` is it as a sum of
    hinges, None where it is not piecewise linear by its form (x1*x2)."""

    text: str
    inputs: tuple[Input, ...]
    function: Callable[[Point], Fraction]
    pieces: Sum | None = None
    rows: tuple[Row, ...] | None = None

    @property
    def channels(self) -> int:
        """How many channels an input needs to have."""
        return max((each.channel + 1 for each in self.inputs), default=0)

    def value(self, values: Sequence[Fraction | int]) -> Fraction:
        """The target where its inputs have these values, in its order; RuleError beside its table."""
        return self.function(dict(zip(self.inputs, map(Fraction, values), strict=True)))


def target(written: object, on: Sequence[object] | None = None) -> Target:
    """The target that is written: an expression (`abs(x1 - x2)`), the name of one (`xor`), or rows, each its inputs and
    last the output. `on`: the values that each input takes; then it is a table of all of them. Truth tables take 0, 1.

    Raises RuleError for what is none of these.

    >>> target("xor").rows[1]
    Row(inputs=(Fraction(0, 1), Fraction(1, 1)), output=Fraction(1, 1))
    >>> str(target("max(x1, 2*x2)").pieces)
    '2*x2 + relu(x1 - 2*x2)'
    """
    if isinstance(written, str):
        return _of_text(written.strip(), on)
    if on is not None:
        raise RuleError("a table says by itself which values its inputs take: leave out 'on'")
    if not isinstance(written, Sequence):
        raise RuleError(f"{written!r} is no target: an expression of x1, x2 ..., or rows of inputs and output")
    return _of_rows(written)


# --- tables ------------------------------------------------------------------------------------------------------


def _of_rows(written: Sequence[Any]) -> Target:
    rows: dict[tuple[Fraction, ...], Fraction] = {}
    if not 1 <= len(written) <= MOST_ROWS:
        raise RuleError(f"a table has 1 to {MOST_ROWS:,} rows, not {len(written):,}")
    for number, row in enumerate(written, 1):
        if not isinstance(row, Sequence) or isinstance(row, str) or len(row) < 2 or len(row) != len(written[0]):
            raise RuleError(
                f"row {number} of a table: each has its inputs and last the output, and as many as the others"
            )
        *given, output = (_number(value, f"row {number} of a table") for value in row)
        if rows.setdefault(tuple(given), output) != output:
            raise RuleError(f"row {number} of a table has another output than one before it with the same inputs")
    inputs = tuple(Input(channel) for channel in range(len(written[0]) - 1))
    text = "[" + ", ".join(f"[{', '.join(map(str, (*given, output)))}]" for given, output in rows.items()) + "]"
    return _table(shortened(text), inputs, rows)


def _table(text: str, inputs: tuple[Input, ...], rows: Mapping[tuple[Fraction, ...], Fraction]) -> Target:
    def function(at: Point) -> Fraction:
        given = tuple(at[each] for each in inputs)
        if given not in rows:
            raise RuleError(f"the table has no row for {', '.join(map(str, given))}")
        return rows[given]

    return Target(text=text, inputs=inputs, function=function, rows=tuple(Row(*row) for row in rows.items()))


def _number(value: object, where: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or value != value or value in _INFINITE:
        raise RuleError(f"{where}: {value!r} is not a number")
    number = Fraction(value)
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MOST_BITS:
        raise RuleError(f"{where}: a number of more than {MOST_BITS} bits")
    return number


_INFINITE: Final = (float("inf"), float("-inf"))

# --- expressions -------------------------------------------------------------------------------------------------


class _Term(NamedTuple):
    """A part of an expression: its value at a point, it as a sum of hinges (None where it is none), and its number
    where it is one."""

    value: Callable[[Point], Fraction]
    pieces: Sum | None

    @property
    def number(self) -> Fraction | None:
        if self.pieces is None or self.pieces.inputs or self.pieces.hinges:
            return None
        return self.pieces.constant


def _of_text(text: str, on: Sequence[object] | None) -> Target:
    if len(text) > MAX_LENGTH:
        raise RuleError(f"a target of more than {MAX_LENGTH:,} characters")
    reader = _Reader(_NAMED.get(text, text))
    term = reader.term()
    inputs = tuple(sorted(reader.inputs))
    _check_ranks(inputs, text)
    values = BITS if reader.is_logical and on is None else on
    if values is None:
        return Target(text=text, inputs=inputs, function=term.value, pieces=term.pieces)
    numbers = tuple(dict.fromkeys(_number(value, "on") for value in values))
    if not numbers or len(numbers) ** len(inputs) > MOST_ROWS:
        raise RuleError(f"'{shortened(text)}' on these values has more than {MOST_ROWS:,} rows, or none")
    points = list(product(numbers, repeat=len(inputs)))
    return _table(text, inputs, {point: term.value(dict(zip(inputs, point, strict=True))) for point in points})


def _check_ranks(inputs: Sequence[Input], text: str) -> None:
    if len({len(each.offset) for each in inputs if each.offset}) > 1:
        raise RuleError(f"'{shortened(text)}': offsets of different numbers of axes")


_NAMED: Final[Mapping[str, str]] = {  # two of these names are words of the expressions themselves
    "and": "x1 and x2",
    "or": "x1 or x2",
    "not": "not x1",
    **{name: f"{name}(x1, x2)" for name in ("xor", "xnor", "nand", "nor", "max", "min")},
    "abs": "abs(x1)",
    "relu": "relu(x1)",
}


def _bit(value: Fraction) -> bool:
    if value not in BITS:
        raise RuleError(f"and, or, not, xor are of 0 and 1, not of {value}")
    return value == 1


_LOGICAL: Final[Mapping[str, Callable[[Sequence[bool]], bool]]] = {
    "xor": lambda bits: sum(bits) % 2 == 1,
    "xnor": lambda bits: sum(bits) % 2 == 0,
    "nand": lambda bits: not all(bits),
    "nor": lambda bits: not any(bits),
}
_EXTREMES: Final[Mapping[str, tuple[Callable[[Sequence[Fraction]], Fraction], Callable[[Sum, Sum], Sum]]]] = {
    "max": (max, hinges.larger),
    "min": (min, hinges.smaller),
}
_SINGLE: Final[Mapping[str, tuple[Callable[[Fraction], Fraction], Callable[[Sum], Sum]]]] = {
    "abs": (abs, hinges.absolute),
    "relu": (lambda value: max(value, Fraction(0)), hinges.relu),
}
_FUNCTIONS: Final = (*_SINGLE, *_EXTREMES, *_LOGICAL)


class _Reader:
    """Reads one expression; `inputs` are those that it names, `is_logical` tells whether it has a word of logic."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.inputs: set[Input] = set()
        self.is_logical = False
        self.depth = 0

    def term(self) -> _Term:
        try:
            tree = syntax_tree(self.text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise RuleError(f"'{shortened(self.text)}' is not an expression of x1, x2 ...") from None
        return self.node(tree.body)  # type: ignore[attr-defined]  # an Expression

    def fail(self, what: str) -> RuleError:
        return RuleError(f"{what} (in '{shortened(self.text)}')")

    def node(self, node: ast.AST) -> _Term:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail("nested too deeply")
        found = self.read(node)
        self.depth -= 1
        if found.pieces is not None and found.pieces.size > MOST_TERMS:
            raise self.fail(f"more than {MOST_TERMS:,} terms, as a sum of hinges")
        return found

    def read(self, node: ast.AST) -> _Term:
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name(id=name):
                return self.input(name, ())
            case ast.Subscript(value=ast.Name(id=name), slice=at):
                return self.input(name, self.offset(at))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.node(operand)
                return _Term(lambda at: -inner.value(at), inner.pieces and -inner.pieces)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.logic(lambda bits: not bits[0], [operand])
            case ast.BoolOp(op=op, values=values):
                return self.logic(all if isinstance(op, ast.And) else any, values)
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(self.node(left), op, self.node(right))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(name, arguments)
        raise self.fail("a target has x1, x2 ..., numbers, + - * / and functions alone")

    def constant(self, node: ast.Constant) -> _Term:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(f"{value!r} is not a number")
        literal = ast.get_source_segment(self.text, node) or repr(value)
        number = _number(
            Fraction(literal) if isinstance(value, float) and value not in _INFINITE else value, "a target"
        )
        return _Term(lambda at: number, hinges.constant(number))

    def input(self, name: str, offset: tuple[int, ...]) -> _Term:
        found = NAME.fullmatch(name)
        if found is None or found[1] == "0":
            hint = nearest(name, [*_FUNCTIONS, *_NAMED])
            raise self.fail(f"unknown name '{name}'{hint}: channels are x1, x2 ...")
        each = Input(int(found[1] or 1) - 1, offset if any(offset) else ())
        self.inputs.add(each)
        return _Term(lambda at: at[each], hinges.of_input(each))

    def offset(self, node: ast.AST) -> tuple[int, ...]:
        items = node.elts if isinstance(node, ast.Tuple) else [node]
        found = []
        for item in items:
            number = self.node(item).number
            if number is None or number.denominator != 1 or abs(number) > MOST_ROWS:
                raise self.fail("an offset is whole numbers, one an axis")
            found.append(int(number))
        return tuple(found)

    def binary(self, left: _Term, op: ast.operator, right: _Term) -> _Term:
        a, b = left.pieces, right.pieces
        match op:
            case ast.Add():
                return _Term(lambda at: left.value(at) + right.value(at), a + b if a and b else None)
            case ast.Sub():
                return _Term(lambda at: left.value(at) - right.value(at), a - b if a and b else None)
            case ast.Mult():
                return self.times(left, right)
            case ast.Div():
                if not right.number:
                    raise self.fail("division is by numbers alone, and not by 0")
                return self.times(left, self.number(1 / right.number))
            case ast.Pow():
                exponent = right.number
                if exponent is None or exponent.denominator != 1 or not 1 <= exponent <= LARGEST_EXPONENT:
                    raise self.fail(f"an exponent is a whole number of 1 to {LARGEST_EXPONENT}")
                power = int(exponent)
                if power == 1 or left.number is not None:
                    return left if power == 1 else self.number(left.number**power)  # type: ignore[operator]
                return _Term(lambda at: left.value(at) ** power, None)
        raise self.fail(f"operator {type(op).__name__} is not part of a target")

    def number(self, value: Fraction) -> _Term:
        checked = _number(value, "a target")
        return _Term(lambda at: checked, hinges.constant(checked))

    def times(self, left: _Term, right: _Term) -> _Term:
        pieces = None
        if left.number is not None and right.pieces is not None:
            pieces = right.pieces * left.number
        elif right.number is not None and left.pieces is not None:
            pieces = left.pieces * right.number
        return _Term(lambda at: left.value(at) * right.value(at), pieces)

    def logic(self, function: Callable[[Sequence[bool]], bool], nodes: Sequence[ast.AST]) -> _Term:
        self.is_logical = True
        terms = [self.node(node) for node in nodes]
        return _Term(lambda at: Fraction(function([_bit(term.value(at)) for term in terms])), None)

    def call(self, name: str, nodes: Sequence[ast.AST]) -> _Term:
        if name in _LOGICAL:
            self.needs(name, nodes, 2)
            return self.logic(_LOGICAL[name], nodes)
        if name in _SINGLE:
            self.needs(name, nodes, 1, 1)
            inner = self.node(nodes[0])
            plain, piecewise = _SINGLE[name]
            return _Term(lambda at: plain(inner.value(at)), None if inner.pieces is None else piecewise(inner.pieces))
        if name in _EXTREMES:
            self.needs(name, nodes, 2)
            terms = [self.node(node) for node in nodes]
            extreme, of_two = _EXTREMES[name]
            sums = [term.pieces for term in terms if term.pieces is not None]
            pieces = hinges.folded(of_two, sums) if len(sums) == len(terms) else None
            return _Term(lambda at: extreme([term.value(at) for term in terms]), pieces)
        raise self.fail(f"'{name}' is no function of a target{nearest(name, _FUNCTIONS)}")

    def needs(self, name: str, nodes: Sequence[ast.AST], least: int, most: int | None = None) -> None:
        if len(nodes) < least or (most is not None and len(nodes) > most):
            count = f"{least}" if least == most else f"at least {least}"
            raise self.fail(f"{name} takes {count} of x1, x2 ...")


def points_around(of: Target, most: int = 700) -> list[tuple[Fraction, ...]]:
    """Points to check a function of all real values at: whole numbers around 0, all combinations where they are few."""
    count = len(of.inputs)
    reach = next((reach for reach in (3, 2, 1) if (2 * reach + 1) ** count <= most), 0)
    if reach:
        return [tuple(map(Fraction, point)) for point in product(range(-reach, reach + 1), repeat=count)]
    draw = Random(0)
    return [tuple(Fraction(draw.randint(-6, 6)) for _ in range(count)) for _ in range(most)]
