"""A layer kind: one frozen dataclass in one place, found by its presence in `archtool/layers/`.

A kind declares its fields (see `archtool.fields`) and overrides, in this order, what differs from a layer that
changes nothing: `window`, `channels` or `output`, `params`, `operations`, `torch`. Every method is a pure function of
the fields and the input's shape, in plain arithmetic on sizes, so that it reads as numbers or as expressions.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping, Set
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, dataclass_transform

from archtool.errors import RuleError, nearest
from archtool.field import EVERYTHING, POINTWISE, Field, of_window
from archtool.fields import (
    FieldKind,
    TensorKind,
    channels,
    choice,
    factors,
    flag,
    number,
    padding,
    per_axis,
    size,
    sizes,
    tensor,
)
from archtool.mixing import Mixing
from archtool.nature import NONE, OTHER, Coupling, Groups, Nature, Positions, Start, Symmetry
from archtool.product import Product
from archtool.shape import Shape
from archtool.size import Size
from archtool.stencil import Stencil
from archtool.taps import AxisTaps, taps_of
from archtool.window import Window

if TYPE_CHECKING:
    import torch


class Example(NamedTuple):
    """One use of a kind, for the generic tests: its fields, its input (of each path, for a join), and where a source
    states them, exact params and multiply-accumulates. A field that names a tensor holds its Shape here."""

    fields: Mapping[str, Any]
    input: Shape
    params: int | None = None
    macs: int | None = None
    source: str = ""


class Layer:
    """The base of every layer kind: one tensor in, one out, changing nothing and costing nothing."""

    kind: ClassVar[str]
    examples: ClassVar[tuple[Example, ...]] = ()
    is_join: ClassVar[bool] = False
    is_conv: ClassVar[bool] = False  # counted by `--acts conv`: a convolution or a linear layer
    is_view: ClassVar[bool] = False  # at inference its output is its input's memory, told otherwise (flatten); while
    # training too, unless it saves something then (dropout)
    in_place: ClassVar[bool] = False  # it can write its output over its input (torch's inplace=True)
    keeps: ClassVar[tuple[str, ...]] = ()  # what its backward pass reads again: of "input", "output"
    holds_more: ClassVar[bool] = False  # what it holds while it runs and keeps for its backward pass is not all told
    keeps_in_place: ClassVar[tuple[str, ...]] = ("input",)  # the same where it writes in place ("input": a copy of it)
    passes: ClassVar[str] = ""  # of which of its tensors the gradient is no new tensor but the output's, "all" or the
    # "first", or lies in the output's ("parts")
    ignores_input: ClassVar[bool] = False  # its output depends on nothing (a learned tensor)
    sides: ClassVar[tuple[str, ...]] = ()  # the fields that name further tensors, which it takes beside x

    def resolve(self, x: Shape) -> Layer:
        """The layer that this one is at its input: itself, unless the kind is another's special case."""
        return self

    def window(self, x: Shape) -> Window | None:
        """The window over each spatial axis; None where each position is handled by itself."""
        return None

    def field(self, x: Shape, window: Window | None) -> Field:
        """What an output position sees of the input; by default what the window says."""
        return POINTWISE if window is None else of_window(window)

    def spacing(self) -> Any:
        """The distance between neighbouring taps of the window, for all axes or one by one."""
        return 1

    def taps(self, x: Shape, field: Field) -> tuple[AxisTaps, ...]:
        """Which input positions an output position reads, axis by axis; by default all of its local field, `spacing`
        apart. For sizes that are numbers."""
        return taps_of(field, self.spacing())

    def side_field(self, x: Shape) -> Field:
        """What an output position sees of the further tensors."""
        return EVERYTHING

    def mixing(self, x: Shape) -> Mixing | None:
        """How an output element is made of those that it reads; None where no rule is known for its gradient."""
        return None

    def stencil(self, x: Shape) -> Stencil | None:
        """The layer as a convolution, at inference; None where it is none, or none is known."""
        return None

    def nature(self, x: Shape) -> Nature:
        """What kind of function it is at inference, for all weights; by default nothing is known."""
        return OTHER

    def coupling(self, x: Shape) -> Coupling:
        """Which input channels each output channel may depend on; by default all."""
        return Groups(1)

    def side_coupling(self, x: Shape) -> Coupling:
        """Which channels of the further tensors each output channel may depend on; by default all."""
        return Groups(1)

    def symmetry(self, x: Shape) -> Symmetry:
        """Which rearrangements of positions and channels it passes on, for all weights; by default none is known."""
        return NONE

    def at_init(self, x: Shape) -> Start:
        """What it makes with its first weights; by default what follows for all weights."""
        return Start.KEEPS_ZEROS if self.nature(x).homogeneous else Start.OTHER

    def steepness(self, x: Shape) -> Any:
        """A number L with |f(a) - f(b)| <= L |a - b| (Euclidean) for all inputs and all weights, as small as is known;
        None where none is known. What `mixing` tells of fixed sums, moves and choices need not be told again."""
        return None

    def thin(self) -> Layer:
        """The layer that sees the same in a network whose tensors have one channel, before its own fields are thinned;
        another kind where this one can't do with one."""
        return self

    def narrowed(self, x: Shape, kept: Set[int]) -> Layer:
        """The layer that sees the same along the axes `kept`, and needs as few positions as can be along the others."""
        return self

    def channels(self, x: Shape) -> Size:
        """The number of output channels."""
        return x.channels

    def output(self, x: Shape, window: Window | None) -> Shape:
        """The output shape; by default what `channels` and the window say."""
        channels = self.channels(x)
        if window is None:
            return x if channels is x.channels else Shape(channels, x.spatial, x.is_tokens, x.grid)
        return Shape(channels, window.out(x.spatial))

    def params(self, x: Shape) -> Size:
        """The number of learned parameters."""
        return 0

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        """Operations by cost term (see `archtool.cost.TERMS`), from the input x to the output y."""
        return {}

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        """The matrix products that its multiply-accumulates are, from the input x to the output y."""
        return ()

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        """The layers that torch runs for this one, one after the other: padding apart from a convolution, say."""
        return (self,)

    def buffers(self, x: Shape) -> Mapping[str, Size]:
        """What it holds besides its parameters (running statistics): elements by dtype, as in `saved`."""
        return {}

    def kept(self, x: Shape) -> tuple[str, ...]:
        """What its backward pass reads again, by default what it `keeps`."""
        return self.keeps

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """What the backward pass needs besides what it `keeps`: elements by dtype, "same" for that of the tensors."""
        return {}

    def saved_once(self, x: Shape) -> Mapping[str, Size]:
        """The like of `saved`, but for a whole batch together (its mean), not for each item."""
        return {}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        """What it makes beside its output, as much as there is at once, what is `saved` among it: elements by dtype.
        No less than what is saved counts, while training."""
        return {}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """The like of `scratch` for its backward pass, beside the gradients of its input and of its parameters."""
        return {}

    def torch(self, x: Shape) -> torch.nn.Module:
        """The torch module that does the same, of x and the further tensors in order; imports torch."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> tuple[Any, ...]:
        """The values of the fields, in order."""
        return tuple(getattr(self, attribute(name)) for name in type(self).field_kinds())

    @classmethod
    def field_kinds(cls) -> Mapping[str, FieldKind]:
        """The kind's fields by name."""
        return _field_kinds(cls)  # type: ignore[arg-type]  # mypy takes the class for one of its instances

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """The names of the fields that have no default."""
        return _required(cls)  # type: ignore[arg-type]  # as above

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Layer:
        """A layer from the values of a spec; raises FieldError for what a field does not accept."""
        kinds = cls.field_kinds()
        read = {}
        for name, value in values.items():
            kind = kinds.get(name)
            if kind is None:
                raise FieldError(name, f"'{cls.kind}' has no field '{name}'" + nearest(name, list(kinds)))
            try:
                read[attribute(name)] = kind.read(value)
            except RuleError as error:
                raise FieldError(name, f"{name}: {error}") from None
        for name in cls.required():
            if attribute(name) not in read:
                raise RuleError(f"'{cls.kind}' needs the field '{name}': {kinds[name].allowed}")
        return cls(**read)


def attribute(field: str) -> str:
    """The attribute that holds a field's value: one that has a method's name (`window`) bears an underscore there."""
    return f"{field}_" if hasattr(Layer, field) else field


class FieldError(RuleError):
    """A field that a kind does not have, or a value that it does not accept."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class PerChannel(Layer):
    """The base of the kinds that have no weights and do the same to each channel by itself, wherever; what is read
    counts alike from either end."""

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return Symmetry(Positions.MIRRORED, channels=True)


class Join(Layer):
    """The base of the kinds that take several tensors: `window`, `output` and the rest see the first of them."""

    is_join = True
    folds: ClassVar[bool] = False  # more than two tensors are joined two at a time

    def joined(self, inputs: tuple[Shape, ...]) -> Shape:
        """The output shape; raises RuleError where the shapes do not join."""
        raise NotImplementedError

    def joining(self, inputs: tuple[Shape, ...], y: Shape) -> dict[str, Size]:
        """Operations by cost term, from the inputs to the output y."""
        return {}

    def couplings(self, inputs: tuple[Shape, ...], y: Shape) -> tuple[Coupling, ...]:
        """Which channels of each input each channel of the output y may depend on; by default all."""
        return (Groups(1),) * len(inputs)


T = TypeVar("T", bound=type[Layer])


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    eq_default=False,
    field_specifiers=(channels, choice, factors, flag, number, padding, per_axis, size, sizes, tensor),
)
def layer(cls: T) -> T:
    """Register a layer kind under its class's name in snake case: `BatchNorm` is `batch_norm`."""
    dataclass(frozen=True, kw_only=True, eq=False)(cls)
    cls.kind = snake_case(cls.__name__)
    cls.sides = tuple(name for name, kind in cls.field_kinds().items() if isinstance(kind, TensorKind))
    if cls.kind in _LOADED:
        raise ValueError(f"the layer kind '{cls.kind}' is registered twice")
    _LOADED[cls.kind] = cls
    return cls


_LOADED: dict[str, type[Layer]] = {}
_DECLARATION = re.compile(r"^@layer\nclass (\w+)", re.MULTILINE)


def snake_case(name: str) -> str:
    """`BatchNorm` as `batch_norm`, `LeakyReLU` as `leaky_relu`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()


@cache
def kinds() -> Mapping[str, str]:
    """Every layer kind and the module that declares it, found by reading `layers/` without importing it."""
    found: dict[str, str] = {}
    package = importlib.import_module("archtool.layers")
    for module in pkgutil.iter_modules(package.__path__):
        name = f"archtool.layers.{module.name}"
        spec = module.module_finder.find_spec(name, None)
        source = spec.loader.get_source(name) if spec and spec.loader else ""  # type: ignore[attr-defined]
        for declared in _DECLARATION.findall(source or ""):
            found[snake_case(declared)] = name
    return found


def find(kind: str) -> type[Layer]:
    """The layer kind of that name, its module imported when first asked for; KeyError where there is none."""
    if kind not in _LOADED:
        importlib.import_module(kinds()[kind])
    return _LOADED[kind]


@cache
def _field_kinds(cls: type[Layer]) -> Mapping[str, FieldKind]:
    return {item.name.removesuffix("_"): item.metadata["kind"] for item in fields(cls)}  # type: ignore[arg-type]


@cache
def _required(cls: type[Layer]) -> tuple[str, ...]:
    return tuple(item.name.removesuffix("_") for item in fields(cls) if item.default is MISSING)  # type: ignore[arg-type]


@cache
def words() -> frozenset[str]:
    """Every word that some field of some kind knows (`half`, `same`, `reflect`)."""
    return frozenset(word for kind in kinds() for field in find(kind).field_kinds().values() for word in field.words)


def is_word(text: str) -> bool:
    """Whether some field of some kind knows a word; the kinds in use are asked first, since the others take time to
    import."""
    used = any(text in field.words for kind in tuple(_LOADED.values()) for field in kind.field_kinds().values())
    return used or text in words()
