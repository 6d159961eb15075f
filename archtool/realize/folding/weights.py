"""The state_dict of a folded network, from the original's module."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from archtool.algebra.folding.folding import Folding
from archtool.flatten import FlatLayer
from archtool.layers.conv_transpose import ConvTranspose
from archtool.layers.norm import BatchNorm
from archtool.layers.residual import LayerScale
from archtool.realize.build import Network
from archtool.realize.folding.kernels import Kernel, evaluate, turned


def weights(folding: Folding, module: Network, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """The weights of `realize(folding.network)`, from those of the original network's module: computed in float64, of
    the module's own dtype where none is asked for.

    Layers that are as they were keep theirs, bit by bit.
    """
    modules = {".".join(path): layer for path, layer in zip(module.paths, module.layers(), strict=True)}
    dtype = dtype or _dtype(module)
    state: dict[str, Tensor] = {}
    with torch.no_grad():
        for layer, folded in zip(folding.network.layers, folding.layers, strict=True):
            if layer.run.layer.is_join:
                continue
            if folded.tree is None:
                own: Mapping[str, Tensor] = modules[folded.made[0]].state_dict()
            else:
                own = _state(layer, evaluate(folded.tree, modules), dtype)
            state |= {f"{layer.name}.{name}": value for name, value in own.items()}
    return state


def _dtype(module: nn.Module) -> torch.dtype:
    numbers = [*module.parameters(), *(each for each in module.buffers() if each.is_floating_point())]
    return numbers[0].dtype if numbers else torch.get_default_dtype()


def _state(layer: FlatLayer, kernel: Kernel, dtype: torch.dtype) -> Mapping[str, Tensor]:
    """A kernel as the state of the layer that holds it."""
    x, weight = layer.run.inputs[0], kernel.weight
    match layer.run.layer:
        case BatchNorm():  # its mean is 0 and its variance 1
            scales = weight.flatten()
            bias = torch.zeros_like(scales) if kernel.bias is None else kernel.bias
            state = {"weight": scales, "bias": bias}
            state |= {"running_mean": torch.zeros_like(scales), "running_var": torch.ones_like(scales)}
            cast = {name: value.to(dtype) for name, value in state.items()}
            return {**cast, "num_batches_tracked": torch.tensor(0)}
        case LayerScale():
            ones = () if x.is_tokens else (1,) * len(x.spatial)
            return {"gamma": weight.reshape(-1, *ones).to(dtype)}
        case ConvTranspose(groups=groups):
            weight = turned(weight, groups)  # type: ignore[arg-type]  # a number
    state = {"weight": weight} if layer.run.cost.params else {}
    if kernel.bias is not None:
        state["bias"] = kernel.bias
    return {name: value.to(dtype) for name, value in state.items()}
