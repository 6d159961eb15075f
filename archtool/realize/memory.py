"""The memory that a network really takes, held against what is predicted.

On a CPU all tensors are counted by a hook, and nothing else is: kernels' workspaces are not. On CUDA torch's allocator
says what it held at most, workspaces included and rounded up to its blocks; there a tolerance is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archtool.analysis.retention.execution import Units
from archtool.analysis.retention.peak import Memory, overwriting, run_through
from archtool.errors import RuleError
from archtool.realize.build import Network, example_inputs, execute, realize
from archtool.realize.forward import chosen_device, chosen_dtype, free_bytes
from archtool.realize.ledger import Ledger
from archtool.realize.result import Row, Verification

if TYPE_CHECKING:
    from archtool.design import Design

TOLERANCE: Final = {"inference": 0.05, "training": 0.10}  # where the allocator is asked
OPTIMIZERS: Final[dict[str, Callable[[Any], torch.optim.Optimizer]]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01),
}


class Measured(NamedTuple):
    """Bytes: the most alive at once of what a run makes, with its inputs; the most while each layer runs forward, where
    that can be told; of the gradients of parameters; of the optimizer's state."""

    live: int
    layers: tuple[int, ...]
    gradients: int
    optimizer_state: int


def verify_memory(
    design: Design,
    device: str = "auto",
    dtype: str = "float32",
    *,
    batch: int = 1,
    mode: str = "inference",
    optimizer: str = "sgd",
    in_place: bool = False,
) -> Verification:
    """Verify a design's memory; see `Design.verify_memory`."""
    where, kind = chosen_device(device), chosen_dtype(dtype)
    if where.type == "meta":
        raise RuleError("device: memory is measured on 'cpu' or 'cuda'; on 'meta' torch runs other kernels")
    predicted = design.memory(batch=batch, dtype=dtype, mode=mode, optimizer=optimizer, in_place=in_place)
    flat = design.flat()
    training = mode == "training"
    free = free_bytes(where)
    if free is not None and predicted.peak > free:
        note = f"not run on {where}: it takes about {predicted.peak:,} bytes, {free:,} are free"
        return _verification(design.name, where, dtype, (), (), note)
    with where:
        network = realize(flat, overwriting(flat, training) if in_place else ()).to(kind)
    inputs = example_inputs(flat, batch, where, kind)
    try:
        measured = measure(network, inputs, OPTIMIZERS[optimizer] if training else None)
    except (RuntimeError, ValueError) as error:  # torch has no one error for what it can't run
        raise RuleError(f"'{design.name}' does not run in torch: {error}") from None
    exact = where.type == "cpu"
    rows = run_through(flat, Units(batch, kind.itemsize), training=training, in_place=in_place).rows
    return _verification(
        design.name,
        where,
        dtype,
        tuple(_totals(predicted, network, measured, 0.0 if exact else TOLERANCE[mode])),
        tuple(
            Row(name=row.name, kind=row.kind, what="live", predicted=row.peak, measured=bytes)
            for row, bytes in zip(rows, measured.layers, strict=False)
        ),
        "kernels' workspaces are not counted" if where.type != "cuda" else "measured by the allocator of torch",
    )


def _verification(
    name: str, device: torch.device, dtype: str, totals: tuple[Row, ...], rows: tuple[Row, ...], note: str
) -> Verification:
    return Verification(name=name, device=str(device), dtype=dtype, totals=totals, rows=rows, notes=(note,))


def _totals(predicted: Memory, network: Network, measured: Measured, tolerance: float) -> Iterator[Row]:
    def row(what: str, expected: int, found: int, tolerance: float = 0.0) -> Row:
        return Row(name="total", kind="network", what=what, predicted=expected, measured=found, tolerance=tolerance)

    yield row("params bytes", predicted.params, _bytes(network.parameters()))
    yield row("buffers", predicted.buffers, _bytes(network.buffers()))
    if predicted.optimizer is not None:
        yield row("gradients", predicted.gradients, measured.gradients)
        yield row("optimizer state", predicted.optimizer_state, measured.optimizer_state)
    yield row("live", predicted.live, measured.live, tolerance)


def _bytes(tensors: Any) -> int:
    return sum(tensor.nbytes for tensor in tensors)


class Loss(torch.autograd.Function):
    """A loss that is nothing and keeps nothing: the gradient of each output is a new tensor of its size."""

    @staticmethod
    def forward(context: Any, *outputs: Tensor) -> Tensor:
        """A tensor without elements."""
        context.like = [(y.shape, y.dtype, y.device) for y in outputs]
        return outputs[0].new_empty(0)

    @staticmethod
    def backward(context: Any, _: Tensor) -> tuple[Tensor, ...]:
        """Ones."""
        return tuple(torch.ones(shape, dtype=dtype, device=device) for shape, dtype, device in context.like)


def measure(
    network: Network, inputs: list[Tensor], optimizer: Callable[[Any], torch.optim.Optimizer] | None
) -> Measured:
    """Run a network, and back where there is an optimizer, which has taken a step before."""
    network.train(optimizer is not None)
    state: list[Tensor] = []
    parameters = list(network.parameters())
    if optimizer is not None and parameters:
        steps = optimizer(parameters)
        _run(network, network.layers(), inputs, True)
        steps.step()
        each = steps.state.values()
        state = [value for kept in each for name, value in kept.items() if torch.is_tensor(value) and name != "step"]
        steps.zero_grad(set_to_none=True)
    run = _on_cuda if inputs[0].device.type == "cuda" else _counted
    live, layers = run(network, inputs, optimizer is not None)
    gradients = _bytes(each.grad for each in parameters if each.grad is not None)
    return Measured(live, layers, gradients, _bytes(state))


def _counted(network: Network, inputs: list[Tensor], training: bool) -> tuple[int, tuple[int, ...]]:
    ledger = Ledger([*network.parameters(), *network.buffers()])
    for tensor in inputs:
        ledger.count(tensor)
    highs: list[int] = []

    def watched(module: nn.Module) -> Callable[..., Tensor]:
        def run(*tensors: Tensor) -> Tensor:
            ledger.high = ledger.live
            y: Tensor = module(*tensors)
            highs.append(ledger.high)
            return y

        return run

    with ledger:
        _run(network, [watched(module) for module in network.layers()], inputs, training)
    return ledger.peak, tuple(highs)


def _on_cuda(network: Network, inputs: list[Tensor], training: bool) -> tuple[int, tuple[int, ...]]:
    """By torch's allocator, in a second run: what was held before it, but for the inputs, is not the run's, nor are the
    workspaces that libraries keep from the first run on."""
    device = inputs[0].device
    _run(network, network.layers(), inputs, training)
    network.zero_grad(set_to_none=True)
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) - _bytes(inputs)
    _run(network, network.layers(), inputs, training)
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before, ()


def _run(network: Network, functions: Any, inputs: list[Tensor], training: bool) -> None:
    """Run a network, and back; the caller has its inputs and, to the end, its outputs."""
    with torch.set_grad_enabled(training):
        tensors = dict(enumerate(inputs))
        deque(execute(network.steps, functions, tensors), maxlen=0)  # runs it, and holds nothing
        outputs = [tensors[number] for number in network.outputs.values()]
        tensors.clear()
        asked = [y for y in outputs if y.requires_grad]
        if training and asked:
            loss: Tensor = Loss.apply(*asked)  # type: ignore[no-untyped-call]  # torch's
            loss.backward(loss.new_empty(0))  # type: ignore[no-untyped-call]  # torch's
