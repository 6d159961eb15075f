"""Spaces: a design's digits are its number in a mixed radix; samples are uniform (test_asked.py has them in parts)."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool.explore.space import Axis, Knob, Sample, Space


def space(lengths: list[int], sample: Sample | None = None) -> Space:
    axes = (Axis(knobs=(Knob(name=f"k{index}", values=range(length)),)) for index, length in enumerate(lengths))
    return Space(axes=tuple(axes), sample=sample)


@given(st.lists(st.integers(1, 40) | st.just(10**9), min_size=1, max_size=6), st.data())
def test_digits_are_the_number_written_in_a_mixed_radix(lengths: list[int], data: st.DataObject) -> None:
    grid = space(lengths)
    start = data.draw(st.integers(0, min(prod(lengths), 2**62) - 1))
    stop = data.draw(st.integers(start, min(prod(lengths), start + 50)))
    digits = grid.digits(start, stop)
    assert [column.dtype for column in digits] == [np.int64] * len(lengths)
    for place, number in enumerate(range(start, stop)):
        read = 0
        for column, length in zip(digits, lengths, strict=True):
            assert 0 <= column[place] < length
            read = read * length + int(column[place])
        assert read == number


@pytest.mark.parametrize("lengths", [[2, 3, 5], [3, 2**31, 5, 2**31, 2, 2**40, 4]])
def test_a_sample_is_uniform_on_each_axis_and_axes_are_independent(lengths: list[int]) -> None:
    count = 200_000
    digits = space(lengths, Sample(count=count, seed=1)).digits(0, count)
    parts = [column if length <= 5 else column * 4 // length for column, length in zip(digits, lengths, strict=True)]
    places = [min(length, 4) if length != 5 else 5 for length in lengths]
    for axis, (column, length) in enumerate(zip(parts, places, strict=True)):
        assert column.min() >= 0
        for other, size in zip(parts[:axis], places[:axis], strict=True):
            found = np.bincount(column * size + other, minlength=length * size)
            expected = count / (length * size)
            assert len(found) == length * size
            assert np.all(abs(found - expected) < 6 * expected**0.5)
