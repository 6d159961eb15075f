"""A flattened network as a torch module, its tree and its state_dict named as archtool names the layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from copy import copy
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.size import Size, at_most, maximum

Function = Callable[..., Any]
LARGEST_SIZE: Final = 2**62  # bytes and batches must fit torch's 64-bit sizes too


class Step(NamedTuple):
    """One layer in the order of execution: the numbers of the tensors it takes and makes, and of those that no later
    layer takes (`dead`), so that their memory can go."""

    sources: tuple[int, ...]
    target: int
    dead: tuple[int, ...]


def schedule(layers: Sequence[FlatLayer], kept: Collection[int]) -> list[Step]:
    """The layers' steps; tensors that are `kept` never die."""
    seen = set(kept)
    steps: list[Step] = []
    for layer in reversed(layers):
        touched = {*layer.sources, layer.target}
        dead = tuple(sorted(touched - seen))
        seen |= touched
        steps.append(Step(layer.sources, layer.target, dead))
    return steps[::-1]


def execute(steps: Iterable[Step], functions: Iterable[Function], tensors: dict[int, Tensor]) -> Iterator[Tensor]:
    """Run steps on the tensors by number, yielding each step's output; dead tensors leave `tensors`."""
    for step, function in zip(steps, functions, strict=True):
        tensors[step.target] = function(*[tensors[number] for number in step.sources])
        yield tensors[step.target]
        for number in step.dead:
            del tensors[number]


class Container(nn.Module):
    """The layers of a block, a loop's turn or a join's path."""


class Network(nn.Module):
    """A whole network.

    Its inputs are (batch, *dims) in the order of the spec, where dims is `Shape.dims`; it returns the output, or, where
    the spec names its outputs, a dict of them. Layers run in the spec's order, and a layer that is replaced under its
    name in the tree is replaced. The layers named in `in_place` write over their input.
    """

    def __init__(self, flat: FlatNetwork, in_place: Collection[str] = ()) -> None:
        super().__init__()
        self.inputs = tuple(flat.inputs)
        self.outputs = dict(flat.outputs)
        self.steps = schedule(flat.layers, flat.outputs.values())
        self.paths = [tuple(layer.name.split(".")) for layer in flat.layers]
        for layer, path, module in zip(flat.layers, self.paths, modules_of(flat.layers), strict=True):
            if layer.name in in_place:
                module = copy(module)
                module.inplace = True  # type: ignore[assignment]  # torch's word for it
            _plant(self, path, module)

    def layers(self) -> list[nn.Module]:
        """The layers' modules in the order of execution."""
        return [_found(self, path) for path in self.paths]

    def walk(self, *inputs: Tensor) -> Iterator[Tensor]:
        """Run the network, yielding the output of each layer in the order of execution."""
        return execute(self.steps, self.layers(), dict(enumerate(inputs)))

    def forward(self, *inputs: Tensor) -> Tensor | dict[str, Tensor]:
        if len(inputs) != len(self.inputs):
            names = ", ".join(self.inputs)
            raise TypeError(f"this network takes {len(self.inputs)} tensors ({names}), not {len(inputs)}")
        tensors = dict(enumerate(inputs))
        deque(execute(self.steps, self.layers(), tensors), maxlen=0)  # runs it, and holds nothing
        if tuple(self.outputs) == ("output",):
            return tensors[self.outputs["output"]]
        return {name: tensors[number] for name, number in self.outputs.items()}


def realize(flat: FlatNetwork, in_place: Collection[str] = ()) -> Network:
    """The torch module of a network: float32, torch's own initialisation, in training mode.

    The layers named in `in_place` write over their input, which nobody else may need. Under `torch.device("meta")` it
    takes no memory. Raises RuleError for tensors that torch has no sizes for.
    """
    largest = {name: shape.elements for name, shape in flat.inputs.items()}
    largest |= {layer.name: maximum(layer.run.output.elements, layer.run.cost.params) for layer in flat.layers}
    for name, elements in largest.items():
        if at_most(elements, LARGEST_SIZE) is not True:
            raise RuleError(f"'{name}' is too large for torch, which counts elements up to 2**62")
    return Network(flat, in_place)


def modules_of(layers: Iterable[FlatLayer]) -> Iterator[nn.Module]:
    """Each layer's module. Layers that share weights are the same module; where the inputs differ and so, perhaps, the
    modules (padding 'same' depends on the input's size), they are two modules with the same parameters."""
    owners: dict[str, tuple[FlatLayer, nn.Module]] = {}
    for layer in layers:
        owner = owners.get(layer.weights)
        if owner is not None and owner[0].run.inputs == layer.run.inputs:
            module = owner[1]
        else:
            module = layer.run.layer.torch(layer.run.inputs[0])
            if owner is not None:
                _tie(module, owner[1])
            elif not layer.run.layer.is_join:  # a join has no weights, and stands above its own paths alone
                owners[layer.weights] = layer, module
        yield module


def _tie(module: nn.Module, owner: nn.Module) -> None:
    """Let a module use the parameters and buffers of another of the same kind."""
    for mine, theirs in zip(module.modules(), owner.modules(), strict=True):
        mine._parameters.update(theirs._parameters)
        mine._buffers.update(theirs._buffers)


# A path's label or a block's name may be any word, 'forward' and 'train' among them, which `add_module` refuses since
# they are attributes already. In `_modules`, which named_modules and state_dict read, every word is free.


def _plant(root: nn.Module, path: tuple[str, ...], module: nn.Module) -> None:
    """Put a module into the tree under its name. A join follows its paths, and takes over their container."""
    parent = root
    for word in path[:-1]:
        if word not in parent._modules:
            parent._modules[word] = Container()
        parent = _found(parent, (word,))
    container = parent._modules.get(path[-1])
    if container is not None:
        module._modules.update(container._modules)
    parent._modules[path[-1]] = module


def _found(root: nn.Module, path: tuple[str, ...]) -> nn.Module:
    module = root
    for word in path:
        child = module._modules[word]
        assert child is not None  # only a registered None, which nothing here registers
        module = child
    return module


def own_parameters(layer: FlatLayer, module: nn.Module) -> int:
    """How many parameters a layer's module has, without those of the paths that stand below a join."""
    return sum(each.numel() for each in module.parameters(recurse=not layer.run.layer.is_join))


def example_inputs(flat: FlatNetwork, batch: int, device: torch.device, dtype: torch.dtype) -> list[Tensor]:
    """Random inputs for a network, (batch, *dims) for each of its inputs."""
    return [torch.randn(batch, *map(as_int, shape.dims), device=device, dtype=dtype) for shape in flat.inputs.values()]


def as_int(size: Size) -> int:
    """A size of a flattened network, which is a number; raises RuleError for an expression."""
    if not isinstance(size, int):
        raise RuleError(f"a network with a varying size ({size}) can't be realized")
    return size
