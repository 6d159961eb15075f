"""The Zen-score of a network: how strongly it tells inputs apart, whatever the scale of its weights.

zen = log E |f(x) - f(x + a e)| + sum over batch norms of log sqrt(mean over channels of the variance of their input),
where x, e and all weights are standard normal and a = 0.01 (Lin et al. 2021, arXiv:2102.01063, algorithm 1). f is the
network up to its last global pooling, with residual links removed. |.| is the sum of the absolute differences of an
input's features: the paper writes a norm, its authors' code (idstcv/ZenNAS, compute_zen_score.py) takes this sum, from
which the paper's numbers come. E is the mean over the batch; variances are those of the first pass; biases are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layers.join import Add
from archtool.layers.norm import BatchNorm
from archtool.layers.pool import GlobalPool
from archtool.realize.build import Network, execute, schedule

STEP: Final = 0.01  # a: Lin et al. 2021, section 5.1


def zen_score(flat: FlatNetwork, network: Network, inputs: list[Tensor]) -> float:
    """The score on these inputs, (batch, *dims) each; the network's weights are drawn anew.

    Raises RuleError where no layer stands in front of the pooling.
    """
    layers, feature = plain(flat)
    if not layers:
        raise RuleError("zen needs a layer in front of the network's pooling")
    _draw_weights(network)
    modules = dict(zip((layer.name for layer in flat.layers), network.layers(), strict=True))
    functions = [_passed_on if isinstance(layer.run.layer, Add) else modules[layer.name] for layer in layers]

    def run(inputs: list[Tensor], variances: list[Tensor]) -> Tensor:
        noting = [
            _noting(layer, function, variances) if isinstance(layer.run.layer, BatchNorm) else function
            for layer, function in zip(layers, functions, strict=True)
        ]
        tensors = dict(enumerate(inputs))
        for _ in execute(schedule(layers, {feature}), noting, tensors):
            pass
        return tensors[feature]

    variances: list[Tensor] = []
    moved = [x + STEP * torch.randn(x.shape, dtype=x.dtype).to(x.device) for x in inputs]
    with torch.no_grad():
        change = (run(inputs, variances) - run(moved, [])).double().abs().flatten(1).sum(1).mean().log()
    return float(change + sum(0.5 * variance.mean().log() for variance in variances))


def plain(flat: FlatNetwork) -> tuple[list[FlatLayer], int]:
    """The layers that lead to the last global pooling that everything passes (else to the output), and the number of
    the tensor in front of it. Of an `add`'s tensors the one behind most layers is left, the first where they are equal.
    """
    depth = dict.fromkeys(range(len(flat.inputs)), 0)
    makers: dict[int, FlatLayer] = {}
    for layer in flat.layers:
        depth[layer.target] = 1 + max((depth[source] for source in layer.sources), default=0)
        if isinstance(layer.run.layer, Add):
            layer = layer._replace(sources=(max(layer.sources, key=depth.__getitem__),))
        makers[layer.target] = layer
    feature = _feature(makers, next(iter(flat.outputs.values())))
    needed, ahead = set[int](), [feature]
    while ahead:
        number = ahead.pop()
        if number in makers and number not in needed:
            needed.add(number)
            ahead += makers[number].sources
    return [layer for layer in makers.values() if layer.target in needed], feature


def _feature(makers: dict[int, FlatLayer], output: int) -> int:
    number = output
    while number in makers and len(makers[number].sources) == 1:
        (source,) = makers[number].sources
        if isinstance(makers[number].run.layer, GlobalPool):
            return source
        number = source
    return output


def _draw_weights(network: nn.Module) -> None:
    """Weights of two axes or more standard normal, biases 0; norms keep their factors of 1."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape, dtype=parameter.dtype))
            elif name.rpartition(".")[2].startswith("bias"):
                parameter.zero_()


def _passed_on(x: Tensor) -> Tensor:
    return x


def _noting(layer: FlatLayer, norm: Callable[..., Any], variances: list[Tensor]) -> Callable[[Tensor], Any]:
    """A batch norm that notes the variances of its input, one a channel."""
    channels = -1 if layer.run.inputs[0].is_tokens else 1

    def noted(x: Tensor) -> Any:
        variances.append(x.double().movedim(channels, 0).flatten(1).var(dim=1, correction=0))
        return norm(x)

    return noted
