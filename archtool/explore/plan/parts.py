"""Expressions taken apart into tables: what few axes decide is made once, so that little is left for each design.

The terms of a sum are gathered by the axes they depend on: a long sum becomes a few tables. So do products,
conjunctions and extremes; and of a chain of conditions, the first that holds is the least of the first ones of some
groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import combinations
from typing import Any, Final

from archtool.codegen import Operation, is_wide, operations
from archtool.explore.plan.grid import Support
from archtool.explore.plan.nodes import Along, Call, Joined, Node, Table, in_order
from archtool.explore.plan.sums import Monomial, Polynomials, Sum, Terms, as_sum, written
from archtool.size import maximum, minimum, negate, product, where
from archtool.trace import Expr, linear
from archtool.trace import in_order as expressions_in_order
from archtool.trace.expr import factors_of

LARGEST: Final = 2**15  # places of a table
MOST_AXES: Final = 16  # of a table


class Parts:
    """Takes outputs apart; `nodes` has what computes each of them."""

    def __init__(self, outputs: Sequence[Expr], support: Support) -> None:
        self.support = support
        self._made: dict[Expr, Node] = {}
        self._operations = {operation.expr: operation for operation in operations(outputs)}
        self._polynomials = Polynomials(support, self.fits, self._operation)
        self._sums: dict[Joined, Sum] = {}
        self._joins: dict[Joined, list[Any]] = {}  # what each joins
        chains = {expr: chain for expr in outputs if not self.fits(support[expr]) and (chain := _chain(expr))}
        roots = [condition for cases, _ in chains.values() for condition, _ in cases]
        roots += [expr for expr in outputs if expr not in chains]
        for expr in expressions_in_order(roots):  # parts first, so that nothing recurs deeply
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
        if expr.op in ("sum", "product") and (cases := _chain(expr)):
            return self._first(*cases, axes)
        terms = self._polynomials.of(expr)
        if terms != {(expr,): 1}:
            return self._sum(terms, axes)
        if expr.op in _JOINS:
            return self._join(expr.op, self._flat(expr), axes)
        return self._as_it_stands(expr, axes)

    def _operation(self, expr: Expr) -> Operation:
        if expr not in self._operations:
            self._operations.update((each.expr, each) for each in operations([expr]))
        return self._operations[expr]

    def _as_it_stands(self, expr: Expr, axes: int) -> Node:
        operation = self._operation(expr)
        return Call(operation.apply, axes, tuple(map(self._part, operation.operands)))

    def _part(self, size: Any) -> Node | int:
        return self.node(size) if isinstance(size, Expr) else size

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

    def _join(self, op: str, sizes: list[Any], axes: int) -> Joined:
        joined = Joined(op, axes, tuple(self.node(size) for size in sizes if not self._is_small(size)))
        self._joins[joined] = sizes
        return joined

    def _is_small(self, size: Any) -> bool:
        return not isinstance(size, Expr) or self.fits(self.support[size])

    def _sum(self, terms: Terms, axes: int) -> Joined:
        whole = as_sum(terms)
        joined = Joined("sum", axes, tuple(self.node(monomial[0]) for monomial, _ in self._large(whole)))
        self._sums[joined] = whole
        return joined

    def _large(self, whole: Sum) -> Iterable[tuple[Monomial, int]]:
        return (term for term in whole.terms if not self.fits(self.support.of(term[0])))

    def _first(self, cases: Sequence[tuple[Any, int]], default: int, axes: int) -> Node:
        """The number of the first case that holds, else the default."""
        import numpy as np

        last = len(cases)
        values = np.array([*(value for _, value in cases), default])
        found = [where(condition, index, last) for index, (condition, _) in enumerate(cases)]
        return Call(lambda parts: values.take(parts[0]), axes, (self._join("min", found, axes),))

    # --- what fits into tables is gathered, for all outputs together ---

    def _gather(self) -> None:
        needed = [node for node in in_order(self.nodes.values()) if isinstance(node, Joined)]
        alike: dict[Any, list[Joined]] = {}
        for node in needed:
            if node in self._sums:
                alike.setdefault(self._sums[node].terms, []).append(node)
        for nodes in alike.values():
            if len(nodes) > 1:
                needed.append(self._shared(nodes))
        covers = self._covers(axes for node in needed for axes in self._sets(node))
        for node in needed:
            if node in self._sums:
                node.parts = self._gathered_sum(self._sums[node], covers)
            elif node in self._joins:
                node.parts = (*self._gathered(node.op, self._joins[node], covers), *node.parts)

    def _shared(self, nodes: Sequence[Joined]) -> Joined:
        """The terms that some sums have in common, computed once."""
        base = Joined("sum", nodes[0].axes)
        self._sums[base] = Sum(self._sums[nodes[0]].terms, 1, 0)
        for node in nodes:
            _, factor, offset = self._sums.pop(node)
            node.parts = (Call(_scaling(factor, offset), node.axes, (base,)),)
        return base

    def _sets(self, node: Joined) -> Iterable[int]:
        """The axes of each part of a join that fits into a table."""
        parts: Iterable[Iterable[Expr]] = ()
        if node in self._sums:
            parts = (monomial for monomial, _ in self._sums[node].terms)
        elif node in self._joins:
            parts = ([size] for size in self._joins[node] if isinstance(size, Expr))
        return (axes for axes in map(self.support.of, parts) if self.fits(axes))

    def _gathered_sum(self, whole: Sum, covers: Sequence[int]) -> tuple[Node | int, ...]:
        terms = [(monomial, factor * whole.factor) for monomial, factor in whole.terms]
        small = [term for term in terms if self.fits(self.support.of(term[0]))]
        parts: list[Node | int] = []
        rest = [((), whole.offset)] if whole.offset else []  # of the first group
        for group in _grouped([self.support.of(monomial) for monomial, _ in small], covers):
            parts.append(self._part(written([*rest, *(small[index] for index in group)])))
            rest = []
        for monomial, factor in self._large(whole):
            node, times = self.node(monomial[0]), factor * whole.factor
            parts.append(node if times == 1 else Call(_scaling(times, 0), node.axes, (node,)))
        return (*parts, *(number for _, number in rest))

    def _gathered(self, op: str, sizes: Sequence[Any], covers: Sequence[int]) -> list[Node | int]:
        small = [size for size in sizes if self._is_small(size)]
        sets = [self.support[size] if isinstance(size, Expr) else 0 for size in small]
        groups = _grouped(sets, covers or [0])
        return [self._part(_JOINS[op]([small[index] for index in group])) for group in groups]

    def _covers(self, sets: Iterable[int]) -> list[int]:
        """Few sets of axes, each within a table, of which every given set is a part of one."""
        covers = dict.fromkeys(sets)
        pairs = [(self.support.size(one | other), one, other) for one, other in combinations(covers, 2)]
        heapify(pairs)
        while pairs and pairs[0][0] <= LARGEST:
            _, one, other = heappop(pairs)
            if one not in covers or other not in covers or not self.fits(both := one | other):
                continue
            covers = dict.fromkeys(each for each in covers if each not in (one, other, both))
            for each in covers:
                if each != both:
                    heappush(pairs, (self.support.size(both | each), both, each))
            covers[both] = None
        return sorted(covers)


_JOINS: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "product": product,
    "and": lambda parts: parts[0].trace.logic("and", parts),
    "or": lambda parts: parts[0].trace.logic("or", parts),
    "max": lambda parts: maximum(*parts),
    "min": lambda parts: minimum(*parts),
}


def _grouped(sets: Sequence[int], covers: Sequence[int]) -> list[list[int]]:
    """The indices of some sets in groups, each of which is within one of the covers: the largest group first."""
    within = {cover: [index for index, axes in enumerate(sets) if axes & cover == axes] for cover in covers}
    left = set(range(len(sets)))
    groups = []
    while left:
        largest = max(within.values(), key=lambda group: len(left.intersection(group)))
        groups.append([index for index in largest if index in left])
        left.difference_update(largest)
    return groups


def _scaling(factor: int, offset: int) -> Callable[[Sequence[Any]], Any]:
    return lambda parts: parts[0] * factor + offset if offset else parts[0] * factor


def _chain(expr: Expr) -> tuple[list[tuple[Any, int]], int] | None:
    """Conditions in turn, each with its number, and the number where none holds: a chain of two or more.

    A trace writes it as n + k [c] (n' + k' [c'] (n'' + ...)), where [c] is 1 where c holds, else 0.
    """
    cases: list[tuple[Any, int]] = []
    rest: Any = expr
    total, scale = 0, 1
    while isinstance(rest, Expr):
        number, terms = linear(rest)
        if len(terms) != 1:
            return None
        ((term, factor),) = terms.items()
        total += scale * number
        scale *= factor
        gates = [part for part in factors_of(term) if part.op == "where" and part.args[1:] == (1, 0)]
        others = [part for part in factors_of(term) if part not in gates]
        if len(gates) != 1 or len(others) > 1:
            return None
        cases.append((negate(gates[0].args[0]), total))
        rest = others[0] if others else None
    values = [*(value for _, value in cases), total + scale]
    return (cases, values[-1]) if len(cases) > 1 and not any(map(is_wide, values)) else None
