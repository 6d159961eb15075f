"""What each kind says of its nature, against its torch module in float64: scaled inputs, and sums of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import inf
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from archtool.errors import RuleError
from archtool.fields import FlagKind
from archtool.layer import Join, find, kinds
from archtool.nature import AFFINE, HOMOGENEOUS, LINEAR, MULTILINEAR, OTHER, Nature
from archtool.runs import LayerRun, join_run, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value

MOST: Final = 20_000  # elements of a tensor here: examples are cut down to that
SCALES: Final = (1e-2, 1.0, 30.0)  # of the inputs: where a function bends differs from kind to kind
EXACT: Final = 1e-9  # of the largest magnitude in the sum that is compared

# Kinds whose nature depends on fields, beside their examples and the flags of these.
FIELDS: Final[tuple[tuple[str, dict[str, Any], Shape, Nature], ...]] = (
    ("leaky_relu", {}, Shape(4, (5, 6)), HOMOGENEOUS),
    ("leaky_relu", {"negative_slope": -3}, Shape(4, (5, 6)), HOMOGENEOUS),
    ("leaky_relu", {"negative_slope": 1}, Shape(4, (5, 6)), LINEAR),
    ("elu", {}, Shape(4, (5, 6)), OTHER),
    ("elu", {"alpha": 0}, Shape(4, (5, 6)), HOMOGENEOUS),
    ("softshrink", {}, Shape(4, (5, 6)), OTHER),
    ("softshrink", {"lambd": 0}, Shape(4, (5, 6)), LINEAR),
    ("hardshrink", {}, Shape(4, (5, 6)), OTHER),
    ("hardshrink", {"lambd": 0}, Shape(4, (5, 6)), LINEAR),
    ("hardshrink", {"lambd": -1}, Shape(4, (5, 6)), LINEAR),
    ("threshold", {"threshold": 0, "value": 0}, Shape(4, (5, 6)), HOMOGENEOUS),
    ("threshold", {"threshold": 0, "value": 1}, Shape(4, (5, 6)), OTHER),
    ("threshold", {"threshold": -1, "value": 0}, Shape(4, (5, 6)), OTHER),
    ("rrelu", {}, Shape(4, (5, 6)), HOMOGENEOUS),
    ("rrelu", {"lower": 1, "upper": 1}, Shape(4, (5, 6)), LINEAR),
    *[
        ("conv", {"out": 6, "kernel": 3, "padding": 1, "padding_mode": mode, "bias": bias}, Shape(4, (7, 6)), nature)
        for mode in ("zeros", "reflect", "replicate", "circular")
        for bias, nature in ((False, LINEAR), (True, AFFINE))
    ],
    *[
        ("pad", {"padding": [[1, 2], 1], "mode": mode}, Shape(4, (7, 6)), LINEAR)
        for mode in ("zeros", "reflect", "replicate", "circular")
    ],
    ("pad", {"padding": 1, "value": 2}, Shape(4, (7, 6)), AFFINE),
    *[
        ("blur_pool", {"padding_mode": mode}, Shape(4, (7, 6)), LINEAR)
        for mode in ("zeros", "reflect", "replicate", "circular")
    ],
    ("max_pool", {"kernel": 1, "stride": 2}, Shape(4, (7, 6)), LINEAR),
    ("max_pool", {"kernel": [1, 2], "stride": 2}, Shape(4, (7, 6)), HOMOGENEOUS),
    *[
        (
            "avg_pool",
            {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": ceil, "count_include_pad": padded},
            Shape(4, (8, 7)),
            LINEAR,
        )
        for ceil in (False, True)
        for padded in (False, True)
    ],
    ("lp_pool", {"kernel": 2, "norm": 1}, Shape(4, (8, 7)), LINEAR),
    ("lp_pool", {"kernel": 2, "norm": 4}, Shape(4, (8, 7)), HOMOGENEOUS),
    ("lp_pool", {"kernel": 2, "norm": 3}, Shape(4, (8, 7)), OTHER),
    *[
        ("upsample", {"size": [9, 5], "mode": mode}, Shape(4, (7, 6)), LINEAR)
        for mode in ("nearest", "nearest_exact", "bilinear", "bicubic")
    ],
    ("rnn", {"hidden": 3, "relu": True, "bias": False, "bidirectional": True}, Shape(4, (6,), True), HOMOGENEOUS),
    ("rnn", {"hidden": 3, "relu": True}, Shape(4, (6,), True), OTHER),
    ("rnn", {"hidden": 3, "bias": False}, Shape(4, (6,), True), OTHER),
    ("mean", {"over": "channels"}, Shape(4, (6,), True), LINEAR),
    ("max", {"over": "channels"}, Shape(4, (6,), True), HOMOGENEOUS),
    ("batch_norm", {"affine": False}, Shape(4, (5, 6)), AFFINE),
    ("instance_norm", {}, Shape(4, (5, 6)), OTHER),
    ("instance_norm", {"track_running_stats": True}, Shape(4, (5, 6)), AFFINE),
    ("matmul", {"by": Shape(6, (4,), True), "scale": 0.5}, Shape(4, (5,), True), MULTILINEAR),
)


def of(kind: str, fields: dict[str, Any], x: Shape) -> LayerRun:
    return layer_run(find(kind).read({key: in_a_spec(value) for key, value in fields.items()}), x)


def in_a_spec(value: Any) -> Any:
    return value if isinstance(value, str | Shape) else python_value(value)


def examples() -> Iterator[Any]:
    """Every example of every kind, its tensors cut down; joins of two and of three; every flag turned over."""
    for kind in sorted(kinds()):
        cls = find(kind)
        for index, example in enumerate(cls.examples):
            name, x = f"{kind}-{index}", small(example.input)
            if issubclass(cls, Join):
                yield pytest.param(join_run(cls(), (x, x)), id=f"{name}-two")
                yield pytest.param(join_run(cls(), (x, x, x)), id=f"{name}-three")
                continue
            fields = {key: in_a_spec(value) for key, value in example.fields.items()}
            yield pytest.param(layer_run(cls.read(fields), x), id=name)
            for flag in (key for key, field in cls.field_kinds().items() if isinstance(field, FlagKind)):
                turned = {**fields, flag: not fields.get(flag, getattr(cls, flag))}
                with suppress(RuleError):  # not every padding goes with every mode
                    yield pytest.param(layer_run(cls.read(turned), x), id=f"{name}-{flag}")


def small(x: Shape) -> Shape:
    """An input with fewer positions, where it has many; those of a grid of tokens stay."""
    while x.elements > MOST and not x.grid and min(x.spatial, default=0) > 28:
        x = x._replace(spatial=tuple(n // 2 for n in x.spatial))
    return x


def randomised(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """All parameters and running statistics drawn anew: biases that are 0, say, after torch's own initialisation."""
    module = module.double().eval()
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        if each.is_floating_point() and not name.endswith("mask"):
            values = torch.randn(each.shape, generator=generator, dtype=each.dtype)
            each.data = values.abs() + 0.5 if name.endswith("running_var") else values
    return module


class Tried:
    """A layer's module on random tensors: how far it is from being what a nature says, in parts of the magnitudes."""

    def __init__(self, run: LayerRun) -> None:
        self.run = run
        self.generator = torch.Generator().manual_seed(3)
        torch.manual_seed(3)
        self.module = randomised(run.layer.torch(run.inputs[0]), self.generator)

    def drawn(self, scale: float) -> list[Tensor]:
        sizes = [(2, *x.dims) for x in self.run.inputs]
        return [scale * torch.randn(size, generator=self.generator, dtype=torch.float64) for size in sizes]

    def __call__(self, tensors: list[Tensor]) -> Tensor:
        with torch.no_grad():
            return self.module(*tensors)

    def bent(self, scale: float) -> float:
        """f(x + y) - f(x) - f(y) + f(0): 0 of what is affine."""
        x, y = self.drawn(scale), self.drawn(scale)
        both, zero = [a + b for a, b in zip(x, y, strict=True)], [0 * a for a in x]
        return apart(self(both), -self(x), -self(y), self(zero))

    def scaled(self, scale: float) -> float:
        """f(t x) - t f(x) for a t >= 0: 0 of what is homogeneous."""
        x = self.drawn(scale)
        zero = self([0 * a for a in x])
        return max(apart(zero), *[apart(self([t * a for a in x]), -t * self(x)) for t in (0.125, 7.0)])

    def product(self, scale: float) -> float:
        """The like of both, tensor by tensor while the others stand: 0 of what is multilinear."""
        found = []
        for at in range(len(self.run.inputs)):
            x, y = self.drawn(scale), self.drawn(scale)
            one, both = [*x], [*x]
            one[at], both[at] = y[at], 3 * x[at] - 2 * y[at]
            found.append(apart(self(both), -3 * self(x), 2 * self(one)))
        return max(found)


def apart(*terms: Tensor) -> float:
    """The largest element of a sum, in parts of the largest of its terms; infinitely far where one is no number."""
    if not all(term.isfinite().all() for term in terms):
        return inf
    size = max(term.abs().max().item() for term in terms)
    return abs(sum(terms[1:], terms[0])).max().item() / size if size else 0.0


def check(run: LayerRun) -> None:
    nature = run.layer.nature(run.inputs[0])
    tried = Tried(run)
    kinds_of_law = ((nature.affine, tried.bent), (nature.homogeneous, tried.scaled))
    for claimed, distance in kinds_of_law:
        found = [distance(scale) for scale in SCALES for _ in range(2)]
        if claimed:
            assert max(found) < EXACT, (run.layer, distance.__name__, found)
        else:
            assert max(found) > 1e-6, (run.layer, distance.__name__, found)  # it really is none
    if nature.multilinear:
        assert max(map(tried.product, SCALES)) < EXACT


@pytest.mark.parametrize("run", list(examples()))
def test_a_kind_is_what_it_says_and_nothing_more(run: LayerRun) -> None:
    """What it claims holds on random inputs of several scales, all weights random; what it does not claim is broken by
    some of them, so that no kind is silent about what it could say."""
    check(run)


@pytest.mark.parametrize(("kind", "fields", "x", "nature"), FIELDS)
def test_fields_that_change_a_nature(kind: str, fields: dict[str, Any], x: Shape, nature: Nature) -> None:
    run = of(kind, fields, x)
    assert run.layer.nature(x) == nature
    check(run)
