"""What a FLOP counter prints for torchvision's models: `python flop_tools.py TOOL MODEL ...` prints JSON.

A program of its own, since the counters patch torch and get in each other's way. It ends with exit code 3, and says
why, where the tool or torchvision is not installed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch

Counter = Callable[[torch.nn.Module, torch.Tensor], int]
MISSING = 3


def models() -> Any:
    """torchvision.models; where its wheel lacks its compiled operators, with the schemas that its import asks for."""
    try:
        return importlib.import_module("torchvision.models")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return importlib.import_module("torchvision.models")


def fvcore(model: torch.nn.Module, x: torch.Tensor) -> int:
    analysis = importlib.import_module("fvcore.nn").FlopCountAnalysis(model, x)
    return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def ptflops(model: torch.nn.Module, x: torch.Tensor, backend: str = "pytorch") -> int:
    complexity = importlib.import_module("ptflops").get_model_complexity_info
    options = {"as_strings": False, "print_per_layer_stat": False, "backend": backend}
    return int(complexity(model, tuple(x.shape[1:]), **options)[0])


def ptflops_aten(model: torch.nn.Module, x: torch.Tensor) -> int:
    return ptflops(model, x, "aten")


def thop(model: torch.nn.Module, x: torch.Tensor) -> int:
    return int(importlib.import_module("thop").profile(model, (x,), verbose=False)[0])


def calflops(model: torch.nn.Module, x: torch.Tensor, which: int = 1) -> int:
    for name in ("transformers", "accelerate", "accelerate.utils", "accelerate.commands", "accelerate.commands.utils"):
        if name not in sys.modules:  # asked for on import, used for language models alone
            stub = sys.modules[name] = types.ModuleType(name)
            stub.__getattr__ = lambda word: type(word, (), {})  # type: ignore[method-assign]
            stub.__path__ = []
    options = {"args": [x], "print_results": False, "output_as_string": False}
    return int(importlib.import_module("calflops").calculate_flops(model=model, **options)[which])


def calflops_flops(model: torch.nn.Module, x: torch.Tensor) -> int:
    return calflops(model, x, 0)


def torchinfo(model: torch.nn.Module, x: torch.Tensor) -> int:
    return int(importlib.import_module("torchinfo").summary(model, input_data=x, verbose=0).total_mult_adds)


def torchlens(model: torch.nn.Module, x: torch.Tensor) -> int:
    return int(importlib.import_module("torchlens").trace(model, x, save=None).total_flops_forward)


def flop_counter_mode(model: torch.nn.Module, x: torch.Tensor) -> int:
    with importlib.import_module("torch.utils.flop_counter").FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    return int(counter.get_total_flops())


TOOLS: dict[str, Counter] = {
    "fvcore": fvcore,
    "ptflops": ptflops,
    "ptflops-aten": ptflops_aten,
    "thop": thop,
    "calflops": calflops,
    "calflops-flops": calflops_flops,
    "torchinfo": torchinfo,
    "torchlens": torchlens,
    "torch": flop_counter_mode,
}


def main() -> None:
    warnings.simplefilter("ignore")  # the tools', of what torch no longer likes
    tool, *names = sys.argv[1:]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            build = models().get_model
            x = torch.zeros(1, 3, 224, 224)
            totals = {name: TOOLS[tool](build(name, weights=None).eval(), x) for name in names}
    except ImportError as error:
        sys.stdout.write(str(error))
        sys.exit(MISSING)
    sys.stdout.write(json.dumps(totals))


if __name__ == "__main__":
    main()
