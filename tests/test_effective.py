"""The effective receptive field: closed forms, exact sums over kernels, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.analysis.meanfield.laws import Law
from archtool.errors import RuleError


def stack(layers: list[str], size: int, rank: int = 2, channels: int = 4) -> str:
    return f"input: {[channels, *[size] * rank]}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)


convs = st.tuples(st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 2, 3]))  # kernel and dilation


@given(st.lists(st.tuples(convs, st.sampled_from([1, 2])), min_size=1, max_size=6), st.booleans())
@settings(max_examples=60, deadline=None)
def test_uniform_kernels_add_their_variances(layers, with_relu):
    """Luo et al. 2016: a kernel of k has the variance (k^2 - 1) / 12, a dilation d scales it by d^2, and the strides
    before it by their square; of layers that nothing cuts off the variances add."""
    texts, variance, jump, size = [], 0.0, 1, 1
    for (kernel, dilation), stride in layers:
        texts.append(f"conv: {{out: 4, kernel: {kernel}, dilation: {dilation}, stride: {stride}}}")
        texts += ["relu"] if with_relu else []
        variance += jump**2 * dilation**2 * (kernel**2 - 1) / 12
        size += jump * dilation * (kernel - 1)
        jump *= stride
    field = load(stack(texts, size + 1, rank=1)).effective(position=(0,))
    assert field.widths[0] ** 2 == pytest.approx(variance, abs=1e-9)
    assert field.map.sum() == pytest.approx(1)
    assert field.centre[0] == pytest.approx((size - 1) / 2)


@pytest.mark.parametrize("depth", [5, 40])
def test_depth_grows_as_its_root(depth):
    text = stack(["conv: {out: 4, kernel: 3, padding: half}"], 2 * depth + 1)
    field = load(text.replace("half}", "half}\n    repeat: " + str(depth))).effective()
    assert field.widths == pytest.approx([(depth * 8 / 12) ** 0.5] * 2)
    assert field.position == (depth, depth)
    assert np.allclose(field.map, field.map[::-1]) and np.allclose(field.map, field.map.T)


def test_groups_and_widths_of_the_layers_change_nothing():
    plain = load(stack(["conv: {out: 8, kernel: 3}", "conv: {out: 4, kernel: 5}"], 11)).effective()
    grouped = load(
        stack(["depthwise_conv: {kernel: 3, multiplier: 3}", "conv: {out: 6, kernel: 5, groups: 2}"], 11)
    ).effective()
    assert np.allclose(plain.map, grouped.map)


def test_a_shortcut_keeps_the_centre():
    """Of x + conv(x), with He's variance 2 / 9 for each of the 9 products, the centre has 1 + 2/9, the others 2/9."""
    text = stack(["add: {main: [conv: {out: 4, kernel: 3, padding: 1}], shortcut: []}"], 5)
    field = load(text).effective()
    assert field.map[2, 2] == pytest.approx((1 + 2 / 9) / 3)
    assert field.map[1, 3] == pytest.approx(2 / 9 / 3)


@pytest.mark.parametrize(
    ("function", "slope"), [("relu", 1 / 2), ("identity", 1), ("leaky_relu: {negative_slope: 0.5}", (1 + 1 / 4) / 2)]
)
def test_a_gradient_meets_the_slope_of_its_function(function, slope):
    """The mean of f'(x)^2: of ReLU a half, of a slope s below 0 (1 + s^2) / 2."""
    paths = f"{{main: [conv: {{out: 4, kernel: 3}}, {function}], shortcut: [crop: {{size: 1}}]}}"
    field = load(stack([f"add: {paths}"], 3)).effective()
    assert field.map[0, 0] / field.map[1, 1] == pytest.approx(2 / 9 * slope / (1 + 2 / 9 * slope), rel=1e-6)


def test_the_winner_takes_it_all():
    """Of a max pool each position has the same chance, of an average the same share, of its square."""
    for pool in ("max_pool", "avg_pool"):
        field = load(stack([f"{pool}: {{kernel: 3}}"], 3)).effective()
        assert np.allclose(field.map, 1 / 9)


def test_averages_correlate_the_gradients_before_them():
    """Two means of 3 behind each other are the fixed weights 1 2 3 2 1, so that the squares are 1 4 9 4 1; with random
    weights in between they are 1 2 3 2 1."""
    mean = "avg_pool: {kernel: 3, stride: 1}"
    field = load(stack([mean, mean], 5, rank=1)).effective()
    assert np.allclose(field.map * 19, [1, 4, 9, 4, 1])
    field = load(stack(["conv: {out: 4, kernel: 3}", mean], 5, rank=1)).effective()
    assert np.allclose(field.map * 9, [1, 2, 3, 2, 1])
    field = load(stack([mean, "conv: {out: 4, kernel: 1}", mean], 5, rank=1)).effective()
    assert np.allclose(field.map * 19, [1, 4, 9, 4, 1])


def test_normalisation_makes_branches_weigh_what_they_vary():
    """A branch whose weights are scaled by a factor of any size weighs the same behind batch norm."""
    branch = "[conv: {{out: 4, kernel: 3, padding: 1}}{scale}, batch_norm]"
    fields = []
    for scale in ("", ", layer_scale: {init: 100}"):
        text = stack([f"add: {{main: {branch.format(scale=scale)}, shortcut: []}}"], 5)
        fields.append(load(text).effective())
    assert np.allclose(fields[0].map, fields[1].map, rtol=1e-3)


def test_numbers_of_any_depth():
    """The gradient of 4,000 linear layers is of the order of 2^4000."""
    text = stack(["conv: {out: 4, kernel: 3, padding: half}"], 9, rank=1)
    field = load(text.replace("half}", "half}\n    repeat: 4000")).effective()
    assert 0 < field.widths[0] < 3


def test_with_respect_to_the_chosen_input():
    text = """
inputs: {left: [4, 9], right: [4, 9]}
layers:
  - conv: {out: 4, kernel: 3, padding: 1}
    at: left
    name: a
  - conv: {out: 4, kernel: 5, padding: 2}
    at: right
    name: b
  - add:
    at: [a, b]
"""
    assert load(text).effective(of="left").widths == pytest.approx([(8 / 12) ** 0.5])
    assert load(text).effective(of="right").widths == pytest.approx([(24 / 12) ** 0.5])
    assert load(text).effective("b").of == "right"  # the first that it sees
    with pytest.raises(RuleError, match=r"^'a' does not see 'right'; it sees left$"):
        load(text).effective("a", of="right")
    with pytest.raises(RuleError, match=r"^there is no input 'lef'; did you mean 'left'"):
        load(text).effective(of="lef")
    with pytest.raises(RuleError, match=r"^there is no input 'a'; "):
        load(text).effective(of="a")  # a layer


def test_places():
    design = load("resnet18")
    field = design.effective()
    assert (field.at, field.position, field.of) == ("stage.3.block.1.act", (3, 3), "input")
    assert field.map.shape == (224, 224) and field.start == (0, 0)
    assert design.effective("stem", (0, 111)).position == (0, 111)
    assert design.effective("stage.1").at == design.field("stage.1").at == "stage.1.block.1.act"
    whole = design.effective("output")
    assert whole.position == () and min(whole.widths) > field.widths[0]
    with pytest.raises(RuleError, match=r"^there is no layer or block 'stm'; did you mean 'stem'"):
        design.effective("stm")
    with pytest.raises(RuleError, match=r"^position 7,112 is none of 'stem'; allowed: 0,0 to 111,111$"):
        design.effective("stem", (7, 112))
    with pytest.raises(RuleError, match=r"^position 7 names 1 of the axes, 'stem' has 2 axes \(64x112x112\)$"):
        design.effective("stem", (7,))


def test_what_is_not_known_is_named():
    text = stack(["conv: {out: 4, kernel: 3}", "lp_pool: {kernel: 2}"], 9)
    with pytest.raises(
        RuleError, match=r"^'lp_pool': no rule is known for how a 'lp_pool' passes squared gradients on$"
    ):
        load(text).effective()
    assert load(text).effective("conv").widths == pytest.approx([(8 / 12) ** 0.5] * 2)


def test_paths_without_weights_between_them_are_refused():
    """x + mean(x) is a fixed filter: the squares of its two paths do not add. The same between random weights does."""
    text = stack(["add: {mean: [avg_pool: {kernel: 3, stride: 1, padding: 1}], same: [relu]}"], 9)
    with pytest.raises(RuleError, match=r"^'add': two of its paths come from one tensor, without random weights on"):
        load(text.replace("layers:", "layers:\n  - conv: {out: 4, kernel: 1}")).effective()
    load(text.replace("relu", "conv: {out: 4, kernel: 1}")).effective()


def relu(x):
    return np.maximum(x, 0)


def test_the_greatest_are_those_that_relu_lets_through():
    """The greatest of n elements behind ReLU is open but with the chance 2^-n, any of them with the chance 1/2."""
    for n in (2, 4, 9):
        _, gain = Law(0, 1, 0).then(relu).greatest(n)
        assert gain == pytest.approx(2 * (1 - 2.0**-n), rel=1e-3)
    (mean, square, common), _ = Law(0, 1, 0).greatest(2)
    assert (mean, square, common) == pytest.approx((np.pi**-0.5, 1, 1 / np.pi), rel=1e-3)


def test_a_max_pool_behind_relu_hands_on_what_is_open():
    """Beside a branch without a pool the greatest of 3 counts 2 (1 - 1/8) times its third."""
    one = "conv: {out: 4, kernel: 1}"
    pooled = f"[max_pool: {{kernel: 3, stride: 1, padding: 1}}, {one}]"
    field = load(stack([one, "relu", f"add: {{pooled: {pooled}, plain: [{one}]}}"], 3, rank=1)).effective()
    share = 2 * (1 - 1 / 8) / 3
    assert field.map[1] / field.map[0] == pytest.approx((1 + share) / share, rel=5e-3)


def test_a_shortcut_from_relu_to_relu_is_open_where_both_are():
    """For normal z and F of one variance, P(z > 0 and z + F > 0) = 3/8 and P(relu(z) + F > 0) = 5/8, so that both
    slopes together are 3/8 / (1/2 * 5/8) = 1.2 times what they would be if independent. The branch has He's 2/3."""
    assert Law(0, 1, 0).then(relu).coupling(Law(0, 1, 0), relu) == pytest.approx(1.2, rel=5e-3)
    branch = "[conv: {out: 4, kernel: 3, padding: 1, padding_mode: circular}]"
    text = stack(["conv: {out: 4, kernel: 1}", "relu", f"add: {{main: {branch}, same: []}}", "relu"], 3, rank=1)
    field = load(text).effective()
    assert field.map[1] / field.map[0] == pytest.approx((1.2 + 2 / 3) / (2 / 3), rel=5e-3)


def test_laws_add():
    """relu(z) + F has the moments of its parts, and is positive with the chance 5/8."""
    law = Law(0, 1, 0).then(relu).plus(Law(0, 1, 0))
    mean, square, _ = law.moments()
    assert (mean, square) == pytest.approx(((2 * np.pi) ** -0.5, 1.5), rel=5e-3)
    assert law.then(relu).slope()[0] == pytest.approx(5 / 8, rel=1e-2)
