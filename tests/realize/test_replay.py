"""Draws and expressions: the same everywhere, from JSON alone."""

from __future__ import annotations

import json

import pytest
import torch

from archtool import load
from archtool.algebra.finding import Witness
from archtool.errors import RuleError
from archtool.realize.draws import Draw, draw_inputs, weighted
from archtool.realize.expressions import read
from archtool.realize.replay import replay
from tests.realize.properties import tensors_of

CPU = torch.device("cpu")
F64 = torch.float64


def flat(layers: str, head: str = "input: [2, 3, 4]"):
    return load(f"archtool: 1\nname: net\n{head}\nlayers:\n{layers}").flat()


NET = "  - conv: {out: 4, kernel: 3, padding: 1}\n  - batch_norm\n  - relu\n"


@pytest.mark.parametrize("kind", ["integers", "normal", "mixed_scales", "init"])
def test_a_draw_is_the_same_from_its_recipe(kind):
    draw = Draw(kind=kind, seed=7, scale=0.5, zeroed=("conv.bias",))
    again = Draw.of(json.loads(json.dumps(draw.recipe())))
    assert again == draw
    one, two = (weighted(flat(NET), each, F64, CPU) for each in (draw, again))
    torch.manual_seed(99)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert not one.conv.bias.any()
    assert one.conv.weight.any()
    other = weighted(flat(NET), Draw(kind=kind, seed=8), F64, CPU)
    assert not torch.equal(one.conv.weight, other.conv.weight)


def test_integers_are_integers_and_norms_divide_by_one():
    net = weighted(flat(NET), Draw(kind="integers", low=-2, high=5, density=0.5), F64, CPU)
    weight = net.conv.weight
    assert torch.equal(weight, weight.round())
    assert -2 <= weight.min() < 0 < weight.max() <= 5
    assert 0.2 < (weight == 0).double().mean() < 0.9
    assert (net.batch_norm.running_var + net.batch_norm.eps == 1).all()


def test_numbers_go_by_name_so_two_networks_share_them():
    deeper = weighted(flat(NET + "  - conv: {out: 4, kernel: 1}\n    name: last\n"), Draw(kind="normal"), F64, CPU)
    net = weighted(flat("  - conv: {out: 4, kernel: 3}\n    name: conv\n"), Draw(kind="normal"), F64, CPU)
    assert torch.equal(net.conv.weight, deeper.conv.weight)


def test_given_numbers():
    net = flat("  - linear: {out: 1}\n", "input: [2]")
    draw = Draw(kind="given", values={"linear.weight": [[1, -2]], "linear.bias": [3]})
    x = Draw(kind="given", values={"input": [5, 7]})
    (y,) = read(["output", ["draw", x.recipe()]], tensors_of(net, weighted(net, draw, F64, CPU))).tensors
    assert y.item() == 5 - 14 + 3


def test_an_unknown_kind_of_draw_is_refused():
    with pytest.raises(RuleError, match="did you mean"):
        Draw(kind="integer")


def test_expressions():
    net = flat("  - identity")
    meaning = tensors_of(net, weighted(net, Draw(kind="init"), F64, CPU))
    x = Draw(kind="integers", low=1, high=9, seed=3)
    (drawn,) = draw_inputs(net, x, F64, CPU)

    def tensor(expression):
        return read(json.loads(json.dumps(expression)), meaning).tensors[0]

    plain = ["draw", x.recipe()]
    assert torch.equal(tensor(plain), drawn)
    assert torch.equal(tensor(["sum", [2, plain], [-1, ["zeros"]]]), 2 * drawn)
    assert torch.equal(tensor(["shifted", [1, 0], "cyclic", plain]), drawn.roll(1, 2))
    shifted = tensor(["shifted", [0, -1], "zeros", plain])
    assert torch.equal(shifted[..., :-1], drawn[..., 1:])
    assert not shifted[..., -1].any()
    assert not tensor(["shifted", [9, 0], "zeros", plain]).any()
    assert torch.equal(tensor(["flipped", [1], plain]), drawn.flip(3))
    assert torch.equal(tensor(["turned", plain]), drawn.rot90(1, (2, 3)))
    assert torch.equal(tensor(["permuted", "channels", [1, 0], plain]), drawn.flip(1))
    reverse = list(range(11, -1, -1))
    assert torch.equal(tensor(["permuted", "positions", reverse, plain]), drawn.flip(2, 3))
    only = tensor(["only", "positions", [5], plain])
    assert only[0, :, 1, 1].all()
    assert only.count_nonzero() == 2
    assert torch.equal(only + tensor(["without", "positions", [5], plain]), drawn)
    assert tensor(["one", "input", [1, 2, 0]])[0, 1, 2, 0] == 1
    assert tensor(["output", ["one", "input", [1, 2, 0]]]).sum() == 1


def test_tokens_are_permuted_and_shifted_by_their_own_axes():
    net = flat("  - identity", "input: {tokens: 3, channels: 2}")
    meaning = tensors_of(net, weighted(net, Draw(kind="init"), F64, CPU))
    plain = ["draw", Draw(kind="integers", low=1, high=9).recipe()]
    (x,) = read(plain, meaning).tensors
    (y,) = read(["permuted", "positions", [2, 0, 1], plain], meaning).tensors
    assert torch.equal(y, x[:, [2, 0, 1]])
    (y,) = read(["permuted", "channels", [1, 0], plain], meaning).tensors
    assert torch.equal(y, x[..., [1, 0]])
    (y,) = read(["shifted", [1], "cyclic", plain], meaning).tensors
    assert torch.equal(y, x.roll(1, 1))


def test_a_witness_is_made_again():
    """The rectifier at -3 and 3: f(x + y) = 0, f(x) + f(y) = 3."""
    net = flat("  - relu", "input: [1]")
    x, y = (["draw", Draw(kind="given", values={"input": [value]}).recipe()] for value in (3, -3))
    recipe = {
        "weights": Draw(kind="init").recipe(),
        "left": ["output", ["sum", [1, x], [1, y]]],
        "right": ["sum", [1, ["output", x]], [1, ["output", y]]],
        "at": {"output": "output", "index": [0]},
        "dtype": "float64",
    }
    assert replay(net, Witness(text="", recipe=json.loads(json.dumps(recipe)))) == (0, 3)
