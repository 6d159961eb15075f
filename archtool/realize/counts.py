"""Shapes, parameters and multiply-adds of a realized network, measured layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from archtool.cost import Cost
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.realize.build import Network, example_inputs, own_parameters, realize
from archtool.realize.result import Row


class Counts(NamedTuple):
    """What torch counts: a row for each quantity of each layer, and of the network; `failure` names the layer that
    torch could not run, where there is one."""

    totals: list[Row]
    rows: list[Row]
    failure: str | None


def count(flat: FlatNetwork, cost: Cost) -> Counts:
    """Count on the meta device, which takes no memory and where FlopCounterMode sees every operation: on a real one the
    fast paths of attention and of recurrent layers escape it. It counts two for a multiply-add, here in a batch of two,
    since torch refuses to normalise a single value. `cost` is the whole network's, as predicted."""
    meta = torch.device("meta")
    with meta:
        network = realize(flat).eval()
    rows = [_parameters(layer, module) for layer, module in zip(flat.layers, network.layers(), strict=True)]
    done = 0
    failure = None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        outputs = run(network, example_inputs(flat, 2, meta, torch.float32))
        for layer, output in zip(flat.layers, outputs, strict=False):
            if isinstance(output, str):
                failure = layer.name
            else:
                flops = counter.get_total_flops()
                rows.append(_row(layer, "macs", layer.run.cost.macs, (flops - done) // 4))
                done = flops
            rows.append(output_row(layer, "output", output))
    params = sum(each.numel() for each in network.parameters())
    return Counts([_total("params", cost.params, params), _total("macs", cost.macs, done // 4)], rows, failure)


def run(network: Network, inputs: list[torch.Tensor]) -> Iterator[tuple[int, ...] | str]:
    """Run a network once: each layer's output sizes without the batch; at the first layer that torch refuses to run,
    what torch says, and no more."""
    outputs = network.walk(*inputs)
    while True:
        try:
            yield tuple(next(outputs).shape[1:])
        except StopIteration:
            return
        except (RuntimeError, ValueError, TypeError, IndexError, MemoryError) as error:  # torch has no one error for it
            yield "fails: " + next(iter(str(error).splitlines()), type(error).__name__)
            return


def output_row(layer: FlatLayer, what: str, output: tuple[int, ...] | str) -> Row:
    """A layer's output sizes, predicted and measured."""
    return _row(layer, what, layer.run.output.dims, output)


def _parameters(layer: FlatLayer, module: torch.nn.Module) -> Row:
    return _row(layer, "params", layer.run.cost.params, own_parameters(layer, module))


def _row(layer: FlatLayer, what: str, predicted: Any, measured: Any) -> Row:
    return Row(name=layer.name, kind=layer.run.kind, what=what, predicted=predicted, measured=measured)


def _total(what: str, predicted: Any, measured: int) -> Row:
    return Row(name="total", kind="network", what=what, predicted=predicted, measured=measured)
