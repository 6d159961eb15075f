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


@pytest.mark.parametrize("name", [name for name in MODELS if device(name)])
def test_parameters_are_torchvisions(name, models):
    with torch.device(device(name)):
        theirs = models.get_model(name, weights=None, **UNUSUAL.get(name, {}))
    with torch.device("meta"):
        ours = load(name).torch()
    assert sorted(tuple(p.shape) for p in ours.parameters()) == sorted(tuple(p.shape) for p in theirs.parameters())
    assert len(ours.state_dict()) == len(theirs.state_dict())
