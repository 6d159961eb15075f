"""Two kernels behind each other and beside each other along one axis, all small ones, as matrices over whole numbers:
where the rules give one kernel it is the product (the sum) exactly, and where they refuse none is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from archtool.algebra.folding.composing import Refused, added, composed
from archtool.shape import Shape
from archtool.stencil import Stencil, StencilAxis
from archtool.window import AxisWindow

TAPS = np.array([[3, -5, 7, 2, -1], [2, 11, -3, 5, 13]])  # no sum of products of them is 0


def out(axis: StencilAxis, n: int) -> int:
    """How many positions a kernel leaves of n; below 1 where it does not fit."""
    return int(AxisWindow(axis.reach + 1, axis.stride, axis.before, axis.after).out(n))


def matrix(axis: StencilAxis, taps: np.ndarray, n: int, m: int) -> np.ndarray:
    """The matrix from n positions to m, zeros outside."""
    found = np.zeros((m, n), dtype=np.int64)
    for p, i in product(range(m), range(axis.kernel)):
        read = axis.stride * p + axis.dilation * i - axis.before
        if 0 <= read < n:
            found[p, read] += taps[i]
    return found


AXES = [
    StencilAxis(*fields)
    for fields in product((1, 2, 3), (1, 2), (1, 2), (0, 1, 2), (0, 1, 2))
    if fields[0] > 1 or fields[2] == 1
]


@pytest.mark.parametrize("n", [6, 7])
@pytest.mark.parametrize("first", AXES[::2], ids=str)
def test_behind_each_other(first: StencilAxis, n: int) -> None:
    middle = out(first, n)
    for second in AXES:
        m = out(second, middle)
        if middle < 1 or m < 1:
            continue
        right, left = matrix(first, TAPS[0], n, middle), matrix(second, TAPS[1], middle, m)
        # What one kernel would read: tap j of the second and tap i of the first.
        whole: dict[int, int] = {}
        for j, i in product(range(second.kernel), range(first.kernel)):
            offset = first.stride * (second.dilation * j - second.before) + first.dilation * i - first.before
            whole[offset] = whole.get(offset, 0) + TAPS[1, j] * TAPS[0, i]
        try:
            stencil = composed(
                Stencil(1, axes=(first,)), Shape(1, (n,)), Shape(1, (middle,)), Stencil(1, axes=(second,)),
                Shape(1, (m,)),
            )  # fmt: skip
        except Refused as refused:
            assert refused.rule == "border"
            one = np.zeros((m, n), dtype=np.int64)
            for p, (offset, weight) in product(range(m), whole.items()):
                read = first.stride * second.stride * p + offset
                if 0 <= read < n:
                    one[p, read] += weight
            assert not np.array_equal(one, left @ right), second
            continue
        (axis,) = stencil.axes
        taps = np.zeros(axis.kernel, dtype=np.int64)
        for offset, weight in whole.items():
            assert (offset + axis.before) % axis.dilation == 0
            taps[(offset + axis.before) // axis.dilation] += weight
        assert out(axis, n) == m
        assert np.array_equal(matrix(axis, taps, n, m), left @ right), (second, axis)


@pytest.mark.parametrize("n", [6, 7])
def test_beside_each_other(n: int) -> None:
    for first, second in product(AXES, AXES):
        m = out(first, n)
        if m < 1 or out(second, n) != m:
            continue
        try:
            (axis,) = added([Stencil(1, axes=(each,)) for each in (first, second)], Shape(1, (n,)), Shape(1, (m,))).axes
        except Refused as refused:
            assert refused.rule == "strides"
            assert first.stride != second.stride and m > 1
            continue
        taps = np.zeros(axis.kernel, dtype=np.int64)
        for part, weights in ((first, TAPS[0]), (second, TAPS[1])):
            for i in range(part.kernel):
                place = part.dilation * i - part.before + axis.before
                assert place % axis.dilation == 0
                taps[place // axis.dilation] += weights[i]
        assert out(axis, n) == m
        both = sum(matrix(part, TAPS[row], n, m) for row, part in enumerate((first, second)))
        assert np.array_equal(matrix(axis, taps, n, m), both)
