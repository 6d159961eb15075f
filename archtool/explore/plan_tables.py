"""Expressions taken apart into tables: what few axes decide is made once, so that little is left for each design.

A sum is written out as monomials, and its terms are gathered by the axes they depend on: a long sum becomes a few
tables. So do products, conjunctions and extremes; and of a chain of conditions, the first that holds is the least of
the first ones of some groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import gcd
from typing import Any, Final, NamedTuple

from archtool.codegen import Operation, is_wide, operations, reach_of_product
from archtool.explore.plan_grid import Support
from archtool.explore.plan_nodes import Along, Call, Joined, Node, Table, in_order
from archtool.size import Size, maximum, minimum, negate, where
from archtool.size import product as multiplied
from archtool.trace import INT64, Expr
from archtool.trace import in_order as expressions_in_order
from archtool.trace.expr import factors_of

LARGEST: Final = 2**15  # places of a table
MOST_AXES: Final = 16  # of a table
MOST_MONOMIALS: Final = 256  # of a sum that is written out

Monomial = tuple[Expr, ...]
Terms = dict[Monomial, int]  # a polynomial; the constant is the coefficient of ()


class Item(NamedTuple):
    """A part of a join that fits into a table."""

    axes: int
    size: Any


class Sum(NamedTuple):
    """factor * (terms) + offset, of terms that other sums may have in common with it."""

    terms: tuple[tuple[Monomial, int], ...]
    factor: int
    offset: int


class Tables:
    """Takes outputs apart; `nodes` has what computes each of them."""

    def __init__(self, outputs: Iterable[Expr], support: Support) -> None:
        outputs = list(outputs)
        self.support = support
        self._made: dict[Expr, Node] = {}
        self._operations = {operation.expr: operation for operation in operations(outputs)}
        self._polynomials: dict[Expr, Terms] = {}
        self._sums: dict[Joined, Sum] = {}
        self._items: dict[Joined, list[Item]] = {}
        for expr in expressions_in_order(outputs):  # parts first, so that nothing recurs deeply
            if not self.fits(support[expr]):
                self.node(expr)
        self.nodes = {expr: self.node(expr) for expr in outputs}
        self._gather()

    def fits(self, axes: int) -> bool:
        """Whether a table over these axes is small enough."""
        return axes.bit_count() <= MOST_AXES and self.support.size(axes) <= LARGEST

    def node(self, expr: Expr) -> Node:
        """What computes an expression."""
        found = self._made.get(expr)
        if found is None:
            axes = self.support[expr]
            found = self._made[expr] = Table(expr, axes) if self.fits(axes) else self._taken_apart(expr, axes)
        return found

    def _taken_apart(self, expr: Expr, axes: int) -> Node:
        if expr.op == "symbol":
            values = self.support.variables[expr.args[0]].values
            return Along(expr, axes) if isinstance(values, range) else Table(expr, axes)
        if self._operation(expr).is_wide:
            return self._as_it_stands(expr, axes)
        terms = self._terms(expr)
        if terms != {(expr,): 1}:
            return self._sum(terms, axes)
        if expr.op in _JOINS:
            return self._join(expr.op, self._flat(expr), axes)
        if expr.op == "where" and (cases := _chain(expr)):
            return self._first(*cases, axes)
        return self._as_it_stands(expr, axes)

    def _operation(self, expr: Expr) -> Operation:
        if expr not in self._operations:
            self._operations.update((each.expr, each) for each in operations([expr]))
        return self._operations[expr]

    def _as_it_stands(self, expr: Expr, axes: int) -> Node:
        operation = self._operation(expr)
        parts = tuple(self.node(part) if isinstance(part, Expr) else part for part in operation.operands)
        return Call(operation, axes, parts)

    def _join(self, op: str, parts: Iterable[Expr], axes: int) -> Joined:
        joined = Joined(op, axes)
        items = [Item(self.support[part] if isinstance(part, Expr) else 0, part) for part in parts]
        self._items[joined] = [item for item in items if self.fits(item.axes)]
        joined.parts = tuple(self.node(item.size) for item in items if not self.fits(item.axes))
        return joined

    def _flat(self, expr: Expr) -> list[Any]:
        """The parts of a join, those of joins within it in their stead; what is computed wide stays a part."""
        parts: list[Any] = []
        todo: list[Any] = [*expr.args]
        while todo:
            part = todo.pop()
            if isinstance(part, Expr) and part.op == expr.op and not self._operation(part).is_wide:
                todo += part.args
            else:
                parts.append(part)
        return parts

    # --- sums ---

    def _terms(self, expr: Expr) -> Terms:
        """An expression as a polynomial of what fits into tables, as far as it can be written so."""
        found = self._polynomials.get(expr)
        if found is None:
            atom = factors_of(expr) if self.fits(self.support[expr]) else (expr,)
            found = self._polynomials[expr] = self._written_out(expr) or {atom: 1}
        return found

    def _written_out(self, expr: Expr) -> Terms | None:
        if self.fits(self.support[expr]) or expr.op not in ("sum", "product", "where") or self._operation(expr).is_wide:
            return None
        if expr.op == "sum":
            number, terms = expr.args
            total: Terms = {(): number}
            for term, factor in terms:
                for monomial, coefficient in self._terms(term).items():
                    total[monomial] = total.get(monomial, 0) + factor * coefficient
            return total if _reach(total) < INT64 and len(total) <= MOST_MONOMIALS else _as_terms(number, terms)
        if expr.op == "product":
            return self._multiplied_out(expr)
        condition, yes, no = expr.args
        return self._common_part(condition, yes, no)

    def _multiplied_out(self, expr: Expr) -> Terms | None:
        total: Terms = {(): 1}
        for factor in expr.args:
            terms = self._terms(factor)
            if len(total) * len(terms) > MOST_MONOMIALS:
                return None
            longer: Terms = {}
            for left, a in total.items():
                for right, b in terms.items():
                    both = tuple(sorted((*left, *right), key=lambda each: each.number))
                    longer[both] = longer.get(both, 0) + a * b
            total = longer
        if len(total) == 1 or _reach(total) >= INT64:
            return None
        return total if all(self.fits(self.support.of(monomial)) for monomial in total) else None

    def _common_part(self, condition: Expr, yes: Size, no: Size) -> Terms | None:
        """What both alternatives add stands outside of the condition."""
        one, other = (self._terms(each) if isinstance(each, Expr) else {(): int(each)} for each in (yes, no))
        common = {monomial: number for monomial, number in one.items() if number and other.get(monomial) == number}
        if not common:
            return None
        own = ([term for term in terms.items() if term[0] not in common] for terms in (one, other))
        rest = where(condition, *map(_polynomial, own))
        if not isinstance(rest, Expr) or self._operation(rest).is_wide:
            return None
        total = dict(common)
        total[(rest,)] = total.get((rest,), 0) + 1
        return total if _reach(total) < INT64 else None

    def _sum(self, terms: Terms, axes: int) -> Joined:
        """A sum; that of sums which are multiples of each other but for a constant, the terms are computed once."""
        offset = terms.get((), 0)
        varying = sorted(
            ((monomial, factor) for monomial, factor in terms.items() if monomial and factor),
            key=lambda term: [each.number for each in term[0]],
        )
        common = gcd(*(factor for _, factor in varying))
        if varying[0][1] < 0:
            common = -common
        joined = Joined("sum", axes)
        self._sums[joined] = Sum(tuple((monomial, factor // common) for monomial, factor in varying), common, offset)
        joined.parts = tuple(self.node(m[0]) for m, _ in varying if not self.fits(self.support.of(m)))
        return joined

    # --- chains of conditions ---

    def _first(self, cases: Sequence[tuple[Any, int]], default: int, axes: int) -> Node:
        """The number of the first case that holds, else the default."""
        import numpy as np

        last = len(cases)
        values = np.array([*(value for _, value in cases), default])
        found = [where(condition, index, last) for index, (condition, _) in enumerate(cases)]
        index = self._join("min", found, axes)
        return Call(lambda parts: values.take(parts[0]), axes, (index,))

    # --- tables ---

    def _gather(self) -> None:
        """Gather what fits into tables, for all outputs together."""
        joins = [node for node in in_order(self.nodes.values()) if isinstance(node, Joined)]
        shared: dict[Any, list[Joined]] = {}
        for node in joins:
            if node in self._sums:
                shared.setdefault(self._sums[node].terms, []).append(node)
        for terms, nodes in shared.items():
            if len(nodes) > 1:
                joins.append(self._shared(terms, nodes))
        sets = {item.axes for node in joins for item in self._items.get(node, ())}
        sets |= {
            axes
            for node in joins
            if node in self._sums
            for monomial, _ in self._sums[node].terms
            if self.fits(axes := self.support.of(monomial))
        }
        covers = self._covers(sets)
        for node in joins:
            if node in self._sums:
                node.parts = self._gathered_sum(self._sums[node], covers)
            elif node in self._items:
                node.parts = (*self._gathered(node.op, self._items[node], covers), *node.parts)

    def _shared(self, terms: Any, nodes: Sequence[Joined]) -> Joined:
        base = Joined("sum", nodes[0].axes)
        self._sums[base] = Sum(terms, 1, 0)
        for node in nodes:
            _, factor, offset = self._sums.pop(node)
            node.parts = (Call(_scale(factor, offset), node.axes, (base,)),)
        return base

    def _gathered_sum(self, whole: Sum, covers: Sequence[int]) -> tuple[Node | int, ...]:
        terms = [(monomial, factor * whole.factor, self.support.of(monomial)) for monomial, factor in whole.terms]
        small = [(monomial, factor, axes) for monomial, factor, axes in terms if self.fits(axes)]
        parts: list[Node | int] = []
        offset = whole.offset
        for group in _grouped([axes for *_, axes in small], covers):
            total = _polynomial([((), offset), *(small[index][:2] for index in group)])
            offset = 0
            parts.append(self.node(total) if isinstance(total, Expr) else total)
        for monomial, factor, axes in terms:
            if not self.fits(axes):
                node = self.node(monomial[0])
                parts.append(node if factor == 1 else Call(_scale(factor, 0), axes, (node,)))
        return (*parts, offset) if offset else tuple(parts)

    def _gathered(self, op: str, items: Sequence[Item], covers: Sequence[int]) -> list[Node | int]:
        parts: list[Node | int] = []
        for group in _grouped([item.axes for item in items], covers):
            whole = _JOINS[op]([items[index].size for index in group])
            parts.append(self.node(whole) if isinstance(whole, Expr) else whole)
        return parts

    def _covers(self, sets: Iterable[int]) -> list[int]:
        """Few sets of axes, each within a table, of which every given set is a part of one."""
        covers = dict.fromkeys(sets)
        pairs = [(self.support.size(one | other), one, other) for one, other in combinations(covers, 2)]
        heapify(pairs)
        while pairs and pairs[0][0] <= LARGEST:
            _, one, other = heappop(pairs)
            if one not in covers or other not in covers or not self.fits(both := one | other):
                continue
            del covers[one], covers[other]
            covers[both] = None
            for each in covers:
                if each != both:
                    heappush(pairs, (self.support.size(both | each), both, each))
        return sorted(covers)


_JOINS: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "product": multiplied,
    "and": lambda parts: parts[0].trace.logic("and", parts),
    "or": lambda parts: parts[0].trace.logic("or", parts),
    "max": lambda parts: maximum(*parts),
    "min": lambda parts: minimum(*parts),
}


def _grouped(sets: Sequence[int], covers: Sequence[int]) -> list[list[int]]:
    """The indices of some sets, in groups of which each is within one of the covers; as few as a greedy choice gives."""
    left = list(range(len(sets)))
    groups = []
    while left:
        best = max(covers, key=lambda cover: sum(sets[index] & cover == sets[index] for index in left))
        group = [index for index in left if sets[index] & best == sets[index]]
        left = [index for index in left if index not in group]
        groups.append(group)
    return groups


def _scale(factor: int, offset: int) -> Callable[[Sequence[Any]], Any]:
    return lambda parts: parts[0] * factor + offset if offset else parts[0] * factor


def _as_terms(number: int, terms: Iterable[tuple[Expr, int]]) -> Terms:
    return {(): number, **{(term,): factor for term, factor in terms}}


def _polynomial(terms: Iterable[tuple[Monomial, int]]) -> Size:
    return reduce(lambda total, term: total + term[1] * multiplied(term[0]), terms, 0)


def _reach(terms: Terms) -> int:
    """How far from 0 any partial sum of a polynomial's terms can be."""
    return sum(abs(factor) * reach_of_product(monomial) for monomial, factor in terms.items())


def _chain(expr: Expr) -> tuple[list[tuple[Any, int]], int] | None:
    """Conditions in turn, each with its number, and the number where none holds: a chain of two or more."""
    cases: list[tuple[Any, int]] = []
    rest: Any = expr
    while isinstance(rest, Expr):
        if rest.op != "where":
            return None
        condition, yes, no = rest.args
        if isinstance(yes, Expr):
            condition, yes, no = negate(condition), no, yes
        if isinstance(yes, Expr) or is_wide(yes):
            return None
        cases.append((condition, yes))
        rest = no
    return (cases, rest) if len(cases) > 1 and not is_wide(rest) else None
