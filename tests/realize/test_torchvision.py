"""The zoo's torch modules beside torchvision's own: the same parameters, one by one in the order of execution."""

from __future__ import annotations

import pytest
import torch

from archtool import load


@pytest.fixture(scope="module")
def models():
    """torchvision.models. Its wheel without CUDA lacks two operators, whose schemas its import asks for."""
    pytest.importorskip("torchvision", reason="torchvision is not installed", exc_type=ImportError)
    import torchvision.models

    return torchvision.models


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
