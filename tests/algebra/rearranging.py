"""What structure says of shifted and rearranged inputs, held against networks in torch, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from archtool.algebra.finding import Finding
from archtool.algebra.structure.invariance import translation_invariant
from archtool.algebra.structure.permutation import permutation_equivariant
from archtool.algebra.structure.shapes import shapes_of
from archtool.algebra.structure.shifts import Shifted, shifts
from archtool.algebra.structure.symmetry import flip_equivariant, rotation_equivariant
from archtool.algebra.structure.translation import moving_axes
from archtool.field import POINTWISE
from archtool.flatten import FlatLayer, FlatNetwork, flat_network
from archtool.realize.build import realize
from archtool.runs import LayerRun
from archtool.shape import Shape

Tensors = list[torch.Tensor]
Change = Callable[[torch.Tensor, Shape], torch.Tensor]


def network_of(run: LayerRun) -> FlatNetwork:
    """A network of one layer, each of its tensors an input."""
    inputs = {f"x{index}": shape for index, shape in enumerate(run.inputs)}
    fields = (POINTWISE,) * len(inputs)
    layer = FlatLayer("it", run, tuple(range(len(inputs))), len(inputs), fields, "it")
    return FlatNetwork(inputs, [layer], {"output": len(inputs)})


def network(text: str) -> FlatNetwork:
    """The network of a spec."""
    from archtool import load

    design = load(text)
    return flat_network(design.run, tuple(design.inputs))


class Torch:
    """A network with random weights, batch norm's statistics among them."""

    def __init__(self, flat: FlatNetwork, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.flat = flat
        self.module = realize(flat).double().eval()
        for parameter in self.module.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        for name, buffer in self.module.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_()
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)

    def inputs(self) -> Tensors:
        return [torch.randn(1, *map(int, x.dims), dtype=torch.float64) for x in self.flat.inputs.values()]

    def outputs(self, inputs: Sequence[torch.Tensor]) -> Tensors:
        with torch.no_grad():
            made = self.module(*inputs)
        return list(made.values()) if isinstance(made, dict) else [made]

    def input_shapes(self) -> list[Shape]:
        return list(self.flat.inputs.values())

    def output_shapes(self) -> list[Shape]:
        return [shapes_of(self.flat)[number] for number in self.flat.outputs.values()]


def unfolded(tensor: torch.Tensor, shape: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens before a grid's, (1, lead, channels), and (1, channels, *axes)."""
    if not shape.is_tokens:
        return tensor[:, :0], tensor
    lead = int(shape.lead)
    grid = tensor[:, lead:].transpose(1, 2)
    return tensor[:, :lead], grid.reshape(1, -1, *map(int, shape.axes))


def folded(lead: torch.Tensor, grid: torch.Tensor, shape: Shape) -> torch.Tensor:
    """The tensor that `unfolded` takes apart."""
    return torch.cat([lead, grid.flatten(2).transpose(1, 2)], 1) if shape.is_tokens else grid


def on_grid(change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    """What changes the grid of a tensor, if it has axes."""

    def changed(tensor: torch.Tensor, shape: Shape) -> torch.Tensor:
        lead, grid = unfolded(tensor, shape)
        return folded(lead, change(grid), shape) if shape.axes else tensor

    return changed


def close(left: torch.Tensor, right: torch.Tensor) -> bool:
    scale = 1 + max(left.abs().max().item(), right.abs().max().item()) if left.numel() and right.numel() else 1.0
    return left.shape == right.shape and torch.allclose(left, right, rtol=0, atol=1e-9 * scale, equal_nan=True)


def check_shifts(flat: FlatNetwork) -> set[str]:
    """Hold all that is said of shifts against torch; what was checked."""
    checked: set[str] = set()
    for axis, _ in moving_axes(flat):
        states = shifts(flat, axis)
        for index, number in enumerate(flat.outputs.values()):
            state = states[number]
            if isinstance(state, Shifted):
                checked |= check_shifted(Torch(flat), axis, index, state)
    if translation_invariant(flat).truth:
        assert checked & {"circular", "zeros"}
    return checked


def check_shifted(made: Torch, axis: int, index: int, state: Shifted) -> set[str]:
    """Hold what is said of one output against torch."""
    shape, moves, s, t = made.output_shapes()[index], 2 + axis, state.shift, state.by
    inputs = made.inputs()
    before = made.outputs(inputs)[index]
    least = min([int(x.axes[axis]) for x in made.input_shapes() if x.axes])
    checked: set[str] = set()

    def after(change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """The output, each input changed along the axis."""
        changed = zip(inputs, made.input_shapes(), strict=True)
        return made.outputs([on_grid(change)(x, x_shape) for x, x_shape in changed])[index]

    def fresh(grid: torch.Tensor) -> torch.Tensor:
        """Shifted, with new content where there is none."""
        kept = grid.narrow(moves, 0, grid.shape[moves] - s)
        return torch.cat([torch.randn_like(grid.narrow(moves, 0, s)), kept], moves)

    def placed(grid: torch.Tensor, at: int) -> torch.Tensor:
        """The longest content that can be shifted within begin to end, on zeros."""
        assert state.begin is not None
        assert state.end is not None
        length = state.end - state.begin + 1 - s
        empty = torch.zeros_like(grid)
        empty.narrow(moves, state.begin + at, length).copy_(grid.narrow(moves, state.begin, length))
        return empty

    assert isinstance(state.low, int)
    assert isinstance(state.high, int)
    if not state.bordered and s < least:
        expected = on_grid(lambda grid: grid.roll(t, moves))(before, shape) if t else before
        assert close(after(lambda grid: grid.roll(s, moves)), expected), ("circular", axis, state)
        checked.add("circular")
    length = state.high - state.low - t
    if t and not state.mixed and length > 0 and s < least:
        old, new = unfolded(before, shape)[1], unfolded(after(fresh), shape)[1]
        left, right = old.narrow(moves, state.low, length), new.narrow(moves, state.low + t, length)
        assert close(left, right), ("any content", axis, state)
        checked.add("any content")
    room = state.begin is not None and state.end is not None and state.end - state.begin >= s
    if not t and room and not state.stuck:
        assert close(after(lambda grid: placed(grid, 0)), after(lambda grid: placed(grid, s))), ("zeros", axis, state)
        checked.add("zeros")
    return checked


def check_rearranged(flat: FlatNetwork) -> set[str]:
    """Hold all that is said of rearranged inputs against torch; what was found to be passed on."""
    made = Torch(flat)
    inputs, shapes = made.inputs(), made.input_shapes()
    before = made.outputs(inputs)
    found: set[str] = set()

    def check(word: str, finding: Finding, change: Change) -> None:
        if finding.truth is None:
            return
        assert finding.truth is True
        assert finding.is_proof
        after = made.outputs([change(x, shape) for x, shape in zip(inputs, shapes, strict=True)])
        for name, old, new, shape in zip(flat.outputs, before, after, made.output_shapes(), strict=True):
            assert close(new, old if name in finding.facts["stays"] else change(old, shape)), (word, finding)
        found.add(word)

    ranks = {len(x.axes) for x in shapes if x.axes}
    if len(ranks) == 1:
        rank = ranks.pop()
        for axis in range(rank):
            check("flip", flip_equivariant(flat, axis), on_grid(lambda grid, axis=axis: grid.flip(2 + axis)))
        if rank == 2:
            check("rotation", rotation_equivariant(flat), on_grid(lambda grid: grid.rot90(1, (2, 3))))
        orders = {n: torch.randperm(n) for n in {math.prod(map(int, x.axes)) for x in shapes}}

        def reordered(grid: torch.Tensor) -> torch.Tensor:
            flat_grid = grid.flatten(2)
            return flat_grid[..., orders[flat_grid.shape[2]]].reshape(grid.shape)

        check("pixels", permutation_equivariant(flat, "pixels"), on_grid(reordered))
    places = {n: torch.randperm(n) for n in {int(x.channels) for x in shapes}}

    def by_channels(tensor: torch.Tensor, shape: Shape) -> torch.Tensor:
        axis = 2 if shape.is_tokens else 1
        return tensor.index_select(axis, places[tensor.shape[axis]])

    check("channels", permutation_equivariant(flat, "channels"), by_channels)
    return found
