"""The zoo's torch modules beside torchvision's own: the same parameters, one by one in the order of execution."""

from __future__ import annotations

from importlib import import_module
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


NAMES = (
    "alexnet", "vgg11", "vgg16", "resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2", "squeezenet1_0",
    "squeezenet1_1",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_torchvisions(name, models):
    with torch.device("meta"):
        theirs = getattr(models, name)(weights=None)
        ours = load(name).torch()
    assert sorted(tuple(p.shape) for p in ours.parameters()) == sorted(tuple(p.shape) for p in theirs.parameters())
    assert len(ours.state_dict()) == len(theirs.state_dict())
