"""The effective receptive field measured: squared gradients of the torch realization over many draws of weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from archtool.analysis.effective import Asked, EffectiveField, chosen, field_of, squares
from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.mixing import Attended, Normalised, Weighted
from archtool.realize.build import as_int, execute, modules_of, schedule

if TYPE_CHECKING:
    import numpy as np

    from archtool.design import Design

    Array = np.ndarray[Any, np.dtype[np.float64]]

TOLERANCE: Final = 0.03  # of a width
CALIBRATION: Final = 8  # inputs that batch norms take their statistics of
INPUTS: Final = 2  # whose gradients are averaged in each draw


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measured:
    """The analytic effective field (`predicted`) beside the one measured over `draws` of the weights.

    errors: the standard error of each measured width, estimated by leaving out a draw at a time (the jackknife)
    """

    name: str
    device: str
    predicted: EffectiveField
    measured: EffectiveField
    errors: tuple[float, ...]
    draws: int

    @property
    def differences(self) -> tuple[float, ...]:
        """Measured less predicted width, as a share of the predicted one, for each axis."""
        pairs = zip(self.measured.widths, self.predicted.widths, strict=True)
        return tuple((m - p) / p if p else m - p for m, p in pairs)

    @property
    def ok(self) -> bool:
        """Whether each width agrees, within 3% and three standard errors of the measurement."""
        rows = zip(self.measured.widths, self.predicted.widths, self.errors, strict=True)
        return all(abs(m - p) <= TOLERANCE * p + 3 * error for m, p, error in rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the maps, for JSON."""
        return {
            "name": self.name,
            "device": self.device,
            "at": self.predicted.at,
            "position": list(self.predicted.position),
            "of": self.predicted.of,
            "draws": self.draws,
            "ok": self.ok,
            "predicted": list(self.predicted.widths),
            "measured": list(self.measured.widths),
            "errors": list(self.errors),
            "overlap": self.overlap,
            "assumes": self.predicted.assumes,
        }

    @property
    def overlap(self) -> float:
        """The share that both maps have in common: 1 where they are the same, 0 where they do not meet."""
        import numpy as np

        return float(np.minimum(self.measured.map, self.predicted.map).sum())


def measured(
    design: Design,
    at: str | None = None,
    position: tuple[int, ...] | None = None,
    of: str | None = None,
    *,
    draws: int = 256,
    seed: int = 0,
    device: torch.device | None = None,
) -> Measured:
    """Measure the effective field of a design, under the assumptions of the analytic one.

    Each draw has new weights; what normalises by running statistics takes them of a batch of standard normal inputs,
    and the gradient is that of a sum with random signs over the channels at the position, on further such inputs.
    Raises RuleError for fewer than 2 draws and where the analytic field is not known.
    """
    if draws < 2:
        raise RuleError(f"draws (={draws}) must be at least 2")
    flat = design.flat()
    asked = chosen(flat, at, position, of)
    predicted = field_of(squares(asked.layers, flat, asked), asked)
    on = device or torch.device("cpu")
    if on.type == "meta":
        raise RuleError("device: meta has no numbers to measure gradients with; 'cpu' is always there")
    with torch.random.fork_rng(devices=[on] if on.type == "cuda" else []):
        torch.manual_seed(seed)
        each = list(_draws(flat, asked, draws, on))
    total = torch.stack(each).sum(0).numpy()
    return Measured(
        name=design.name,
        device=str(on),
        predicted=predicted,
        measured=field_of(total, asked, predicted.assumes),
        errors=_errors(each),
        draws=draws,
    )


def _draws(flat: FlatNetwork, asked: Asked, draws: int, device: torch.device) -> Iterator[Tensor]:
    """The squared gradient of each draw at each position of the input, as float64 on the CPU."""
    with device:
        functions = list(modules_of(asked.layers))
    steps = schedule(asked.layers, {asked.where.layer.target, *range(len(flat.inputs))})
    for _ in range(draws):
        draw(flat, asked, functions, device)
        inputs = noise(flat, INPUTS, device)
        inputs[asked.where.number].requires_grad_()
        tensors = dict(enumerate(inputs))
        for _ in execute(steps, functions, tensors):
            pass
        y = tensors[asked.where.layer.target]
        here: tuple[slice | int, ...] = (slice(None), slice(None), *asked.index)
        there = (y.movedim(-1, 1) if asked.where.layer.run.output.is_tokens else y)[here]
        signs = torch.randint(0, 2, there.shape, device=device) * 2 - 1
        (gradient,) = torch.autograd.grad((there * signs).sum(), inputs[asked.where.number])
        channels = 2 if asked.where.source.is_tokens else 1
        yield gradient.detach().double().square().mean((0, channels)).cpu()


def draw(flat: FlatNetwork, asked: Asked, functions: list[nn.Module], device: torch.device) -> None:
    """Draw new weights for the layers' modules, and calibrate what goes by running statistics."""
    for layer, module in zip(asked.layers, functions, strict=True):
        _draw(layer, module)
    _calibrate(flat, asked, functions, device)


def _draw(layer: FlatLayer, module: nn.Module) -> None:
    """New weights for a layer that has random ones, of variance 2 / (products that an output sums), and no biases."""
    run = layer.run
    how = run.layer.mixing(run.inputs[0])
    if isinstance(how, Weighted | Attended):
        products = as_int(run.cost.macs) / as_int(run.output.elements)
        for name, parameter in module.named_parameters():
            with torch.no_grad():
                if name.endswith("weight"):
                    fan_in = parameter.shape[1] if isinstance(how, Attended) else products
                    parameter.normal_(0, (2 / fan_in) ** 0.5)
                else:
                    parameter.zero_()


def _calibrate(flat: FlatNetwork, asked: Asked, functions: list[nn.Module], device: torch.device) -> None:
    """Let what normalises by running statistics take those of a batch of inputs; all runs as at inference then."""
    modules = (module for function in functions for module in function.modules())
    running: list[Any] = [module for module in modules if getattr(module, "running_var", None) is not None]
    for function in functions:
        function.eval()
    if not any(isinstance(layer.run.layer.mixing(layer.run.inputs[0]), Normalised) for layer in asked.layers):
        return
    for module in running:
        module.train()
        module.momentum = 1.0
    steps = schedule(asked.layers, {asked.where.layer.target})
    with torch.no_grad():
        for _ in execute(steps, functions, dict(enumerate(noise(flat, CALIBRATION, device)))):
            pass
    for module in running:
        module.eval()


def noise(flat: FlatNetwork, batch: int, device: torch.device) -> list[Tensor]:
    """Independent standard normal elements, for each input."""
    return [torch.randn(batch, *map(as_int, shape.dims), device=device) for shape in flat.inputs.values()]


def _errors(draws: list[Tensor]) -> tuple[float, ...]:
    """The jackknife's standard error of the width along each axis."""
    count = len(draws)
    errors = []
    for axis in range(draws[0].ndim):
        profiles = torch.stack([each.movedim(axis, 0).flatten(1).sum(1) if each.ndim > 1 else each for each in draws])
        rest = profiles.sum(0) - profiles  # without one draw each
        shares = rest / rest.sum(1, keepdim=True)
        places = torch.arange(shares.shape[1], dtype=shares.dtype)
        means = shares @ places
        widths = (shares @ places**2 - means**2).clamp(min=0).sqrt()
        errors.append(float(((count - 1) / count * (widths - widths.mean()).square().sum()).sqrt()))
    return tuple(errors)
