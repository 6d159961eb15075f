"""What a layer refuses: each message has the value, the rule, and what is allowed; and sizes that sources state."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.errors import SpecError

REFUSED = [
    ("[8, 6, 6]", "conv_transpose: {out: 4, kernel: 3, stride: 2, output_padding: 2}",
     "output_padding (=2) must be smaller than the stride (=2) or the dilation (=1)"),
    ("[8, 6, 6]", "conv_transpose: {out: 6, kernel: 3, groups: 3}", "channels (=8) must be divisible by groups (=3)"),
    ("[9, 6, 6]", "conv_transpose: {out: 4, kernel: 3, groups: 3}", "out (=4) must be divisible by groups (=3)"),
    ("[8, 1, 6]", "conv_transpose: {out: 4, kernel: 3, padding: 2}",
     "padding (=2) leaves nothing of the output along the height"),
    ("{tokens: 4, channels: 8}", "conv_transpose: {out: 4, kernel: 3}",
     "'conv_transpose' needs (channels, spatial), the input is (tokens, channels) = 4x8"),
    ("[8, 6, 6]", "upsample", "'upsample' needs either 'scale' or 'size'"),
    ("[8, 6, 6]", "upsample: {scale: 2, size: 12}", "'upsample' needs either 'scale' or 'size'"),
    ("[8, 6, 6]", "upsample: {scale: 0.1}", "scale (=1/10) leaves nothing of the height (=6)"),
    ("[8, 6, 6]", "upsample: {scale: 0}", "scale: 0 is not a number above 0, or a list of one an axis"),
    ("[8, 6, 6]", "upsample: {scale: [2, 2, 2]}", "scale has 3 values, the input has 2 spatial axes"),
    ("[8, 6, 6]", "upsample: {scale: 2, mode: billinear}", "did you mean 'bilinear'?"),
    ("[8, 6]", "upsample: {scale: 2, mode: bicubic}",
     "mode bicubic needs 2 spatial axes, the input 8x6 has 1: write bilinear"),
    ("[8, 6, 6]", "upsample: {scale: 2, align_corners: true}",
     "align_corners goes with bilinear and bicubic, not with nearest"),
    ("[8, 5000, 6]", "upsample: {size: [4999, 6]}",
     "from 5000 to 4999 positions, what is seen repeats only after more than 4,096"),
    ("[6, 6, 6]", "pixel_shuffle: {factor: 2}", "channels (=6) must be divisible by factor^2 (=4); factors 1 do"),
    ("[8, 6]", "pixel_shuffle: {factor: 2}", "'pixel_shuffle' needs 2 spatial axes, the input 8x6 has 1"),
    ("[8, 6, 5]", "pixel_unshuffle: {factor: 2}", "the width (=5) must be divisible by factor (=2); 1, 5 divide it"),
    ("[8, 6, 6]", "channel_shuffle: {groups: 3}",
     "channels (=8) must be divisible by groups (=3); 1, 2, 4, 8 divide it"),
    ("[8, 6, 6]", "chunk: {parts: 3, index: 0}", "channels (=8) must be divisible by parts (=3)"),
    ("[8, 6, 6]", "chunk: {parts: 2, index: 2}", "index (=2) must be below parts (=2)"),
    ("[8, 6, 6]", "slice: {stop: 9}", "stop (=9) must be at most the channels (=8)"),
    ("[8, 6, 6]", "slice: {start: 4, stop: 4}", "start (=4) must be below stop (=4)"),
    ("[8, 6, 5]", "crop: {size: 6}", "size (=6) must be at most the width (=5)"),
    ("[8, 6, 6]", "crop: {size: 4, before: [0, 3]}", "before + size (=7) must be at most the width (=6)"),
    ("[8, 6, 6]", "roll: {shift: [0, -6]}", "shift (=-6) must be smaller than the width (=6)"),
    ("[8, 2, 6]", "blur_pool: {kernel: 5}", "padding 2 is too large for reflect mode along the height (2)"),
    ("[8, 6, 6]", "lp_pool: {kernel: 2, norm: 0}", "norm (=0) must be above 0"),
    ("[8, 1, 1]", "instance_norm", "'instance_norm' needs more than one position a channel, the input is 8x1x1"),
    ("[7, 6, 6]", "glu", "channels (=7) must be even: half of them are gates"),
    ("[8, 6, 6]", "softmax: {groups: 3}", "channels (=8) must be divisible by groups (=3)"),
    ("[8, 6, 6]", "softmax: {groups: 2, over: positions}", "groups (=2) are of channels, not of positions"),
    ("[8, 6, 6]", "stochastic_depth: {p: 1.5}", "p: 3/2 (a fraction) is not a number between 0 and 1"),
    ("[8, 6, 6]", "pad: {padding: 1, mode: reflect, value: 2}",
     "mode reflect takes its values from the input, value is for zeros"),
    ("{tokens: 4, channels: 8}", "dropout: {channels_only: true}",
     "'dropout' needs (channels, spatial), the input is (tokens, channels) = 4x8"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "step", "reason"), REFUSED, ids=[step for _, step, _ in REFUSED])
def test_a_broken_rule_is_a_located_error(shape: str, step: str, reason: str) -> None:
    with pytest.raises(SpecError) as caught:
        _ = load(f"input: {shape}\nlayers:\n  - {step}\n").run
    assert str(caught.value).startswith("<text>:3:")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "n", "size"),
    [  # Dumoulin and Visin 2016, arXiv:1603.07285, figures 4.1 to 4.7: what undoes the convolution of 2.1 to 2.7
        ("kernel: 3", 2, 4),
        ("kernel: 4, padding: 2", 6, 5),
        ("kernel: 3, padding: 1", 5, 5),
        ("kernel: 3, padding: 2", 7, 5),
        ("kernel: 3, stride: 2", 2, 5),
        ("kernel: 3, stride: 2, padding: 1", 3, 5),
        ("kernel: 3, stride: 2, padding: 1, output_padding: 1", 3, 6),
    ],
)
def test_a_transposed_convolution_has_the_published_sizes(fields: str, n: int, size: int) -> None:
    shape = load(f"input: [1, {n}, {n}]\nlayers:\n  - conv_transpose: {{out: 1, {fields}}}\n").run.output.shape
    assert shape.spatial == (size, size)


def test_a_word_of_the_field_itself_is_no_step() -> None:
    """There is a layer `tanh`, and gelu's approximate knows that word too."""
    (gelu,) = load("input: [3, 8]\nlayers:\n  - gelu: {approximate: tanh}\n").flat().layers
    assert gelu.run.layer.approximate == "tanh"  # type: ignore[attr-defined]
