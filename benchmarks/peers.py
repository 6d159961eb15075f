"""The other tools: how each is asked for a torch model's multiply-adds. `python -m benchmarks.peers NAME` asks one.

Each peer runs where it is fastest: on torch's meta device, which neither allocates nor multiplies. fvcore alone needs
the CPU, since its trace fails on meta.

Everything is imported by name inside the function that needs it, so that a process pays for one peer only, and so that
type checkers read this file alike with and without the peers installed.
"""

import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

Module = Any  # torch.nn.Module
Tensor = Any  # torch.Tensor

DEPTH = 10_000  # of the plain network


class Peer(NamedTuple):
    """How to ask one tool: `macs(model, input)` gives multiply-adds, by that tool's own convention."""

    macs: Callable[[Module, Tensor], int]
    device: str = "meta"


def flop_counter_mode(model: Module, x: Tensor) -> int:
    torch = import_module("torch")
    counter = import_module("torch.utils.flop_counter").FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(x)
    return int(counter.get_total_flops()) // 2  # it counts two a multiply-add


def fvcore(model: Module, x: Tensor) -> int:
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    analysis = import_module("fvcore.nn").FlopCountAnalysis(model, x)
    return int(analysis.unsupported_ops_warnings(False).total())


def torchinfo(model: Module, x: Tensor) -> int:
    return int(import_module("torchinfo").summary(model, input_data=x, verbose=0).total_mult_adds)


def ptflops(model: Module, x: Tensor) -> int:
    count = import_module("ptflops").get_model_complexity_info
    # 'aten' is the faster of its two backends.
    macs, _ = count(model, tuple(x.shape[1:]), backend="aten", as_strings=False, print_per_layer_stat=False)
    return int(macs)


def thop(model: Module, x: Tensor) -> int:
    macs, _ = import_module("thop").profile(model, inputs=(x,), verbose=False)
    return int(macs)


def calflops(model: Module, x: Tensor) -> int:
    count = _calflops_counter().calculate_flops
    _, macs, _ = count(model, args=[x], output_as_string=False, print_results=False)
    return int(macs)


@cache
def _calflops_counter() -> ModuleType:
    """Import calflops' counter without its `__init__`, which imports transformers and accelerate for other purposes."""
    spec = importlib.util.find_spec("calflops")
    if spec is None:
        raise ModuleNotFoundError("No module named 'calflops'")
    package = ModuleType("calflops")
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules["calflops"] = package
    return import_module("calflops.flops_counter")


PEERS = {
    "FlopCounterMode": Peer(flop_counter_mode),
    "fvcore": Peer(fvcore, device="cpu"),
    "torchinfo": Peer(torchinfo),
    "ptflops": Peer(ptflops),
    "thop": Peer(thop),
    "calflops": Peer(calflops),
}


def resnet50(device: str) -> tuple[Module, Tensor]:
    """torchvision's ResNet-50 and an image of 224 x 224."""
    with _torch().device(device):
        return import_module("torchvision.models").resnet50().eval(), _torch().zeros(1, 3, 224, 224)


def plain(device: str) -> tuple[Module, Tensor]:
    """DEPTH 3x3 convolutions of 64 channels, one after the other, and an input of 32 x 32."""
    torch = _torch()
    with torch.device(device):
        layers = [torch.nn.Conv2d(64, 64, 3, padding=1) for _ in range(DEPTH)]
        return torch.nn.Sequential(*layers).eval(), torch.zeros(1, 64, 32, 32)


_declared: list[object] = []  # a declaration lives as long as its library
NETWORKS: dict[str, Callable[[str], tuple[Module, Tensor]]] = {"resnet50": resnet50, "plain": plain}


@cache
def _torch() -> ModuleType:
    """Import torch, and declare the two operators that `import torchvision` wants (ptflops imports it as well).

    The only torchvision wheel for this torch is CUDA's, whose own operators can't be loaded beside a torch for the CPU.
    """
    torch = import_module("torch")
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
    return torch


def main(name: str) -> None:
    """Build ResNet-50, ask one peer, and print its multiply-adds: the whole of what a user's script would do."""
    warnings.simplefilter("ignore")
    peer = PEERS[name]
    print(peer.macs(*resnet50(peer.device)))


if __name__ == "__main__":
    main(sys.argv[1])
