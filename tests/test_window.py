"""Windows: output sizes, and the law that composition keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool.axes import in_ceil_mode, windows
from archtool.errors import RuleError
from archtool.shape import Shape
from archtool.window import AxisWindow, Window


def axis_windows() -> st.SearchStrategy[AxisWindow]:
    ends = st.integers(0, 6)
    return st.builds(AxisWindow, st.integers(1, 9), st.integers(1, 5), ends, ends)


def positions(window: AxisWindow, n: int) -> int:
    """How many starts a window has within a padded input, counted one by one."""
    return len(range(-window.before, n + window.after - window.size + 1, window.stride))


@given(axis_windows(), axis_windows(), st.integers(-50, 500))
def test_composition_keeps_output_sizes(first: AxisWindow, second: AxisWindow, n: int) -> None:
    assert first.then(second).out(n) == second.out(first.out(n))


@given(axis_windows(), axis_windows(), axis_windows())
def test_composition_is_associative_and_the_unit_window_changes_nothing(
    a: AxisWindow, b: AxisWindow, c: AxisWindow
) -> None:
    assert a.then(b).then(c) == a.then(b.then(c))
    assert AxisWindow().then(a) == a.then(AxisWindow()) == a


@given(st.lists(axis_windows(), min_size=1, max_size=3), st.data())
def test_output_sizes_are_counted_and_too_large_windows_refused(axes: list[AxisWindow], data: st.DataObject) -> None:
    sizes = tuple(data.draw(st.lists(st.integers(1, 12), min_size=len(axes), max_size=len(axes))))
    counted = tuple(positions(axis, n) for axis, n in zip(axes, sizes, strict=True))
    if all(counted):
        assert Window(axes).out(sizes) == counted
    else:
        with pytest.raises(RuleError, match="is larger than its padded input"):
            Window(axes).out(sizes)


def test_a_window_too_large_for_its_own_input_is_refused_even_where_the_composition_hides_it() -> None:
    shrink, widen = Window([AxisWindow(7, 1)]), Window([AxisWindow(1, 1, 9, 9)])
    assert shrink.then(widen).out((5,)) == (17,)  # as if the first window had made -1 positions
    with pytest.raises(
        RuleError, match=r"^the window \(7 wide along the length\) is larger than its padded input \(5\)$"
    ):
        widen.out(shrink.out((5,)))


def test_windows_of_different_ranks_do_not_compose() -> None:
    with pytest.raises(RuleError, match=r"^a window over 1 axes can't be followed by one over 2$"):
        Window([AxisWindow()]).then(Window([AxisWindow()] * 2))


# --- what the words of a padding mean ----------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4))
def test_same_gives_the_input_size_over_the_stride_rounded_up(n: int, kernel: int, stride: int, dilation: int) -> None:
    window = windows(Shape(1, (n,)), "conv", kernel, stride, "same", dilation)
    assert window.out((n,)) == (-(-n // stride),)
    (axis,) = window
    assert axis.after - axis.before in (0, 1)  # as TensorFlow does: the odd position goes behind
    if axis.after:
        bare = axis._replace(before=0, after=axis.before + axis.after - 1)
        assert bare.size > n + bare.after or bare.out(n) < axis.out(n)  # not one position more than needed


@given(st.integers(1, 60), st.integers(0, 5), st.integers(1, 4))
def test_half_keeps_the_size_for_odd_kernels(n: int, half: int, dilation: int) -> None:
    window = windows(Shape(1, (n, n)), "conv", 2 * half + 1, 1, "half", dilation)
    assert window.out((n, n)) == (n, n)
    assert window[0] == AxisWindow(2 * half * dilation + 1, 1, half * dilation, half * dilation)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(0, 4))
def test_ceil_mode_starts_every_window_inside_the_input_or_the_padding_before_it(
    n: int, kernel: int, stride: int, pad: int
) -> None:
    pad = min(pad, kernel // 2)
    if kernel > n + 2 * pad:
        return
    (axis,) = in_ceil_mode(Window([AxisWindow(kernel, stride, pad, pad)]), (n,))
    out = -(-(n + 2 * pad - kernel) // stride) + 1  # torch.nn.functional.max_pool1d: pooling_output_shape
    if (out - 1) * stride >= n + pad:
        out -= 1
    assert axis.out(n) == out
    assert axis._replace(after=pad) == AxisWindow(kernel, stride, pad, pad)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (((1, 2, 3), 1, 0), "kernel has 3 values, the input has 2 spatial axes"),
        ((1, (1,), 0), "stride has 1 values, the input has 2 spatial axes"),
        ((1, 1, ((1, 2), 3, 4)), "padding has 3 values, the input has 2 spatial axes"),
    ],
)
def test_lists_have_one_value_an_axis(fields: tuple[object, object, object], message: str) -> None:
    with pytest.raises(RuleError, match=f"^{message}$"):
        windows(Shape(1, (5, 5)), "conv", *fields)
