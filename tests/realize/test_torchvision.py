"""The zoo's torch modules beside torchvision's own: the same parameters, one by one in the order of execution."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch

from archtool import load


@pytest.fixture(scope="module")
def models() -> ModuleType:
    """torchvision.models; where its wheel lacks its compiled operators, with the schemas that its import asks for."""
    pytest.importorskip("PIL", reason="torchvision needs Pillow")
    try:
        return import_module("torchvision.models")
    except ImportError as error:
        pytest.skip(f"torchvision can't be imported: {error}")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return import_module("torchvision.models")


MODELS = json.loads((Path(__file__).parents[1] / "published" / "torchvision.json").read_text())["models"]
UNUSUAL = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}
SMALL = 10**7  # parameters of what has to be built on the CPU


def device(name: str) -> str | None:
    """Where torchvision can build it: RegNets work out their widths with tensors, which meta does not hold."""
    if not name.startswith("regnet"):
        return "meta"
    return "cpu" if MODELS[name]["params"] < SMALL else None


def extents(weight: torch.Tensor) -> list[int]:
    """A weight's sizes without those of 1: a linear layer's are those of a 1 x 1 convolution."""
    return [size for size in weight.shape if size != 1]


@pytest.mark.parametrize("name", [name for name in MODELS if device(name)])
def test_parameters_are_torchvisions(name, models):
    with torch.device(device(name)):
        theirs = models.get_model(name, weights=None, **UNUSUAL.get(name, {}))
    with torch.device("meta"):
        ours = load(name).torch()
    ours_sorted, theirs_sorted = (sorted(map(extents, model.parameters())) for model in (ours, theirs))
    assert ours_sorted == theirs_sorted
    assert len(ours.state_dict()) == len(theirs.state_dict())


KNOBS = {"inception_v3": {"res": 96}, "mc3_18": {"res": 32, "frames": 8}, "r2plus1d_18": {"res": 32, "frames": 8}}
FUNCTIONS = (
    "resnet18", "resnext50_32x4d", "googlenet", "inception_v3", "densenet121", "mobilenet_v2", "mobilenet_v3_large",
    "mobilenet_v3_small", "mnasnet0_5", "efficientnet_b1", "regnet_x_400mf", "regnet_y_400mf", "squeezenet1_1",
    "mc3_18", "r2plus1d_18",
)  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_with_torchvisions_weights_it_is_torchvisions_function(name, models):
    """To the last bit: the same operations in the same order, of weights that lie in the same order too."""
    torch.manual_seed(0)
    design = load(name, **KNOBS.get(name, {"res": 64}))
    theirs = models.get_model(name, weights=None, **UNUSUAL.get(name, {})).eval()
    ours = design.torch().eval()
    for vector in theirs.state_dict().values():
        if vector.dim() == 1 and vector.dtype.is_floating_point:
            vector.copy_(torch.rand_like(vector) + 0.5)  # a fresh batch norm's are all alike
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(2, *next(iter(design.inputs.values())).dims)
    with torch.no_grad():
        expected = theirs(x)
        assert torch.isfinite(expected).all()
        assert torch.equal(ours(x), expected)


def vit_in_order(state: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The class token behind the convolution of the patches."""
    (token, *convolution), rest = list(state.values())[:3], list(state.values())[3:]
    return [*convolution, token, *rest]


def swin_in_order(state: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """A merge's norm before its linear layer, their inputs channel by channel, each with its 2 x 2 positions row by
    row; torchvision has position by position, column by column."""
    ordered: list[torch.Tensor] = []
    merged: list[torch.Tensor] = []
    for name, value in state.items():
        if "reduction" in name or ("norm" in name and merged):
            by_position = value.unflatten(-1, (2, 2, -1))  # column, row, channel
            merged.append(by_position.movedim(-1, -3).transpose(-1, -2).flatten(-3))
            if len(merged) == 3:
                ordered += [*merged[1:], merged[0]]
                merged = []
        else:
            ordered.append(value)
    return ordered


@pytest.mark.parametrize(
    ("name", "knobs", "options", "in_order"),
    [("vit_b_32", {"res": 64}, {"image_size": 64}, vit_in_order), ("swin_t", {}, {}, swin_in_order)],
)
def test_with_torchvisions_weights_a_transformer_is_torchvisions(name, knobs, options, in_order, models):
    """Sums are taken in another order here (positions before channels, say), so that the last bits differ."""
    torch.manual_seed(0)
    design = load(name, **knobs)
    theirs = models.get_model(name, weights=None, **options).eval()
    ours = design.torch().eval()
    for tensor in theirs.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.1 * torch.randn_like(tensor))
    own = ours.state_dict()
    values = zip(own.values(), in_order(theirs.state_dict()), strict=True)
    ours.load_state_dict(dict(zip(own, [value.reshape(mine.shape) for mine, value in values], strict=True)))
    x = torch.randn(1, *next(iter(design.inputs.values())).dims)
    with torch.no_grad():
        expected = theirs.double()(x.double())
        assert expected.std() > 1e-3
        torch.testing.assert_close(ours.double()(x.double()), expected)
