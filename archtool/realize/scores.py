"""Training-free scores of a network, measured on its torch realization with random weights and random inputs.

Four published ones; larger is said to be better. None needs data: inputs are standard normal, labels uniform, so that a
score is a number of the design and of (batch, draws, seed, dtype) alone. Weights and inputs are drawn on the CPU, the
same for every device. What the papers leave open is stated with each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archtool.errors import RuleError, nearest
from archtool.flatten import FlatNetwork
from archtool.layers.activation import Activation, RReLU
from archtool.layers.gates import PReLU
from archtool.layers.norm import BatchNorm
from archtool.layers.plain import Dropping
from archtool.layers.residual import StochasticDepth
from archtool.realize.build import Network, example_inputs, realize
from archtool.realize.forward import chosen_device, chosen_dtype
from archtool.realize.zen import zen_score

if TYPE_CHECKING:
    from archtool.design import Design

DRAWING: Final = (Dropping, StochasticDepth, RReLU)  # kinds that draw numbers of their own while training


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score: its `value`, the mean over the draws of weights and inputs, and how it was measured."""

    name: str
    value: float
    values: tuple[float, ...]  # one a draw
    batch: int
    seed: int
    device: str
    dtype: str

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self)


class Subject(NamedTuple):
    """A network with random weights in training mode, but for layers that draw, and a batch of random inputs."""

    flat: FlatNetwork
    network: Network
    inputs: list[Tensor]


Formula = Callable[[Subject], float]


def measure(
    design: Design,
    names: Sequence[str],
    *,
    batch: int = 16,
    draws: int = 1,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
) -> dict[str, Score]:
    """Some scores of a design by name, each the mean over `draws` of weights and inputs.

    Raises RuleError for a name that is no score, and where a score has no meaning for the network.
    """
    place, kind = checked(device, dtype)
    flat = design.flat()
    found = {}
    for name in names:
        if name not in SCORES:
            raise RuleError(f"there is no score '{name}'" + nearest(name, list(SCORES)))
        own = torch.float64 if name == "synflow" else kind  # products of all layers' weights
        values = tuple(_drawn(flat, SCORES[name], batch, seed + draw, place, own) for draw in range(draws))
        found[name] = Score(
            name=name, value=sum(values) / draws, values=values, batch=batch, seed=seed, device=str(place),
            dtype=str(own).removeprefix("torch."),
        )  # fmt: skip
    return found


def checked(device: str, dtype: str) -> tuple[torch.device, torch.dtype]:
    """The device and the dtype of these names; raises RuleError where networks can't be scored there, or in that."""
    place = chosen_device(device)
    if place.type == "meta":
        raise RuleError("device: the meta device has no numbers to score")
    return place, chosen_dtype(dtype)


def _drawn(
    flat: FlatNetwork, formula: Formula, batch: int, seed: int, device: torch.device, dtype: torch.dtype
) -> float:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = realize(flat).to(dtype)
        inputs = example_inputs(flat, batch, torch.device("cpu"), dtype)
        for layer, module in zip(flat.layers, network.layers(), strict=True):
            if isinstance(layer.run.layer, DRAWING):
                module.eval()
        return formula(Subject(flat, network.to(device), [x.to(device) for x in inputs]))


def synflow(subject: Subject) -> float:
    """Synaptic flow: sum of |w dR/dw|, where R is the sum of the outputs for inputs of ones, with |w| for each w
    (Tanaka et al. 2020, arXiv:2006.05467, eq. 2 and algorithm 1).

    Over the weights of two axes or more, in float64, with batch norms left out, as Abdelfattah et al. 2021
    (arXiv:2101.08134) have it; biases flow with their absolute values and are not summed over. There is no draw of
    inputs; that of weights matters.
    """
    network = subject.network.eval()
    for layer, module in zip(subject.flat.layers, network.layers(), strict=True):
        if isinstance(layer.run.layer, BatchNorm):
            module.register_forward_hook(_as_if_absent)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    _total(network(*[torch.ones_like(x[:1]) for x in subject.inputs])).backward()  # type: ignore[no-untyped-call]
    return _summed((w.detach() * w.grad).abs().sum() for w in _weights(network) if w.grad is not None)


def naswot(subject: Subject) -> float:
    """log |det K|, where K[i, j] counts the activation units that are on the same side for inputs i and j (Mellor et
    al. 2021, arXiv:2006.04647, eq. 2).

    The paper's units are rectifiers; here those of each elementwise activation, the side being its input's sign. The
    paper's batch is 128. -inf where two inputs switch all units alike; a RuleError where there are no activations.
    """
    batch = len(subject.inputs[0])
    kernel = torch.zeros(batch, batch, dtype=torch.float64)

    def compare(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        code = (inputs[0] > 0).flatten(1).double()
        on = code.sum(1)  # code @ code.T + (1 - code) @ (1 - code).T, with one product
        kernel.add_((2 * code @ code.T + code.shape[1] - on - on[:, None]).cpu())

    pairs = zip(subject.flat.layers, subject.network.layers(), strict=True)
    activations = {module for layer, module in pairs if isinstance(layer.run.layer, Activation | PReLU)}
    if not activations:
        raise RuleError("naswot compares activations, and this network has none")
    for module in activations:
        module.register_forward_pre_hook(compare)
    with torch.no_grad():
        subject.network(*subject.inputs)
    return float(torch.linalg.slogdet(kernel).logabsdet)


def grad_norm(subject: Subject) -> float:
    """The sum over the weights of two axes or more of the Euclidean norm of their gradient, of the mean cross-entropy
    of one batch (Abdelfattah et al. 2021, arXiv:2101.08134, section 3.1).

    Labels are drawn uniformly from the output's channels, one a position where it has several. A RuleError where the
    network has more than one output, or that fewer than two channels.
    """
    logits = subject.network(*subject.inputs)
    if not isinstance(logits, Tensor):
        raise RuleError("grad_norm needs a network of one output")
    if _has_tokens(subject.flat):
        logits = logits.movedim(-1, 1)
    if logits.shape[1] < 2:
        raise RuleError("grad_norm needs an output of two classes or more")
    labels = torch.randint(logits.shape[1], (logits.shape[0], *logits.shape[2:])).to(logits.device)
    nn.functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
    return _summed(w.grad.norm() for w in _weights(subject.network) if w.grad is not None)


def zen(subject: Subject) -> float:
    """The Zen-score (Lin et al. 2021, arXiv:2102.01063); see `archtool.realize.zen`."""
    return zen_score(*subject)


SCORES: Final[dict[str, Formula]] = {each.__name__: each for each in (synflow, naswot, grad_norm, zen)}


def _weights(network: nn.Module) -> list[nn.Parameter]:
    """The parameters of two axes or more: those of convolutions and matrix products, not biases nor those of norms."""
    return [parameter for parameter in network.parameters() if parameter.dim() > 1]


def _summed(parts: Iterable[Tensor]) -> float:
    return sum(part.item() for part in parts)


def _as_if_absent(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> Tensor:
    return inputs[0]


def _total(outputs: Tensor | dict[str, Tensor]) -> Tensor:
    tensors = [outputs] if isinstance(outputs, Tensor) else list(outputs.values())
    return torch.stack([tensor.sum() for tensor in tensors]).sum()


def _has_tokens(flat: FlatNetwork) -> bool:
    """Whether the network's only output has its channels last."""
    (number,) = flat.outputs.values()
    shapes = dict(enumerate(flat.inputs.values())) | {layer.target: layer.run.output for layer in flat.layers}
    return shapes[number].is_tokens
