"""Every layer kind, by its examples: an int, numpy generated from an expression, and sympy all say the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import lcm, prod
from random import Random
from typing import Any

import pytest
import sympy

from archtool import load
from archtool.algebra.closed import Reader
from archtool.algebra.shown import Layout
from archtool.algebra.symbolic import to_sympy
from archtool.codegen import to_numpy
from archtool.cost import TERMS
from archtool.errors import RuleError, Untraceable
from archtool.field import AxisField, Field, Reach
from archtool.fields import FlagKind, PaddingKind, PerAxisKind, SizeKind, SizesKind
from archtool.layer import Example, Join, Layer, find, kinds, snake_case
from archtool.runs import LayerRun, join_run, layer_run
from archtool.shape import Shape
from archtool.size import Size, product
from archtool.spec.spec import python_value
from archtool.trace import Trace

KINDS = sorted(kinds())
USES = [(kind, number) for kind in KINDS for number in range(len(find(kind).examples))]
FIXED = {  # what makes the number of phases, or the state of a field: where it varies, that is refused
    ("adaptive_avg_pool", "size"),
    ("adaptive_max_pool", "size"),
    ("conv_transpose", "stride"),
    ("conv_transpose", "dilation"),
    ("pixel_shuffle", "factor"),
    ("take", "tokens"),
    ("upsample", "scale"),
    ("upsample", "size"),
    ("window_attention", "window"),
}


def example_of(kind: str, number: int) -> tuple[type[Layer], Example, dict[str, Any]]:
    cls = find(kind)
    example = cls.examples[number]
    return cls, example, {name: python_value_of(value) for name, value in example.fields.items()}


def python_value_of(value: Any) -> Any:
    return value if isinstance(value, str | Shape) else python_value(value)


def run_of(cls: type[Layer], values: Mapping[str, Any], inputs: tuple[Shape, ...]) -> LayerRun:
    layer = cls.read(values)
    return join_run(layer, inputs) if isinstance(layer, Join) else layer_run(layer, inputs[0])


def inputs_of(cls: type[Layer], example: Example) -> tuple[Shape, ...]:
    """The input, and the further tensors; two of a join."""
    if cls.is_join:
        return (example.input, example.input)
    return (example.input, *(example.fields[name] for name in cls.sides if name in example.fields))


# --- what every kind has -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_says_what_it_is_and_shows_how_it_is_used(kind: str) -> None:
    cls = find(kind)
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")  # what dataclass writes where there is none
    assert cls.examples
    assert kind == cls.kind == snake_case(cls.__name__)
    assert any(set(cls.required()) <= set(example.fields) for example in cls.examples)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if find(kind).required()])
def test_required_fields_are_asked_for(kind: str) -> None:
    cls, _, values = example_of(kind, 0)
    for name in cls.required():
        with pytest.raises(RuleError, match=f"^'{kind}' needs the field '{name}': "):
            cls.read({other: value for other, value in values.items() if other != name})


@pytest.mark.parametrize(("kind", "number"), USES)
def test_an_example_costs_what_its_source_says_in_known_terms(kind: str, number: int) -> None:
    cls, example, values = example_of(kind, number)
    run = run_of(cls, values, inputs_of(cls, example))
    assert set(run.cost.operations) <= set(TERMS)
    assert all(type(count) is int and count >= 0 for count in run.cost.operations.values())
    assert run.cost.activations == run.output.elements
    assert run.cost.read == sum(x.elements for x in inputs_of(cls, example))
    assert run.cost.conv_activations == (run.output.elements if run.layer.is_conv else 0)
    for stated, counted in ((example.params, run.cost.params), (example.macs, run.cost.macs)):
        assert stated is None or (example.source and stated == counted)


def as_input(shape: Shape) -> tuple[str, str]:
    """An input as YAML, and the steps that make this tensor of it: tokens with a grid are made of a spatial tensor."""
    if shape.grid:
        tokens = shape.spatial[0] - prod(shape.grid)  # type: ignore[arg-type]  # examples have numbers
        return json.dumps([shape.channels, *shape.grid]), "[" + ", ".join(["tokens", *["class_token"] * tokens]) + "]"
    return f"{{tokens: {shape.spatial[0]}, channels: {shape.channels}}}" if shape.is_tokens else json.dumps(
        shape.dims
    ), "[]"


@pytest.mark.parametrize(("kind", "number"), USES)
def test_an_example_written_as_yaml_is_read_as_the_same_layer(kind: str, number: int) -> None:
    cls, example, values = example_of(kind, number)
    names = [name for name in cls.sides if name in example.fields]
    tensors = {"x": example.input} | {f"{name}_of": example.fields[name] for name in names}
    written = {name: as_input(shape) for name, shape in tensors.items()}
    inputs = ", ".join(f"{name}: {text}" for name, (text, _) in written.items())
    made = "".join(f"  - do: {steps}\n    at: {name}\n    name: {name}_made\n" for name, (_, steps) in written.items())
    given = {name: f"{name}_of_made" if name in names else value for name, value in example.fields.items()}
    fields = "{left: [], right: []}" if cls.is_join else json.dumps(given)
    run = load(f"inputs: {{{inputs}}}\nlayers:\n{made}  - {kind}: {fields}\n    at: x_made\n").run
    direct = run_of(cls, values, inputs_of(cls, example))
    entry = run.entries[-1]
    assert isinstance(entry.run, LayerRun)
    assert (entry.run.kind, entry.run.layer) == (kind, direct.layer)
    assert (entry.run.inputs, entry.run.output, entry.run.cost) == (direct.inputs, direct.output, direct.cost)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if any(type(f) is FlagKind for f in find(kind).field_kinds().values())]
)
def test_each_boolean_can_be_flipped(kind: str) -> None:
    cls = find(kind)
    for name in (name for name, field in cls.field_kinds().items() if isinstance(field, FlagKind)):
        flipped = 0
        for number in range(len(cls.examples)):
            _, example, values = example_of(kind, number)
            value = values.get(name, getattr(cls, name))
            try:
                run = run_of(cls, {**values, name: not value}, (example.input,))
            except RuleError:  # not every padding goes with every mode
                continue
            flipped += 1
            assert run.layer != run_of(cls, values, (example.input,)).layer
        assert flipped


# --- ints, numpy, sympy ------------------------------------------------------------------------------------------


class Varied:
    """An example whose sizes are symbols around its own values; `at` puts numbers in their place."""

    def __init__(self, cls: type[Layer], values: Mapping[str, Any], inputs: tuple[Shape, ...], fixed: set[str]) -> None:
        self.cls = cls
        self.trace = Trace()
        self.around: dict[str, tuple[int, int]] = {}  # symbol -> its value in the example, and its least
        self.values = {
            name: value if name in fixed else self._field(name, cls.field_kinds()[name], value)
            for name, value in values.items()
        }
        own = inputs if cls.is_join else inputs[:1]  # further tensors stand among the fields
        self.inputs = tuple(self._shape(f"x{index}", shape) for index, shape in enumerate(own))

    def _symbol(self, name: str, value: int, least: int) -> Size:
        self.around[name] = value, least
        return self.trace.symbol(name, least, self._most(value))

    def _most(self, value: int) -> int:
        return max(3 * value, value) + 3

    def _shape(self, name: str, shape: Shape) -> Shape:
        axes = tuple(self._symbol(f"{name}_n{axis}", n, 1) for axis, n in enumerate(shape.axes))
        channels = self._symbol(f"{name}_c", shape.channels, 1)  # type: ignore[arg-type]  # examples have numbers
        if shape.grid:
            return Shape(channels, (product(axes) + shape.lead,), True, axes)
        return Shape(channels, axes, shape.is_tokens)

    def _field(self, name: str, kind: Any, value: Any) -> Any:
        if isinstance(value, Shape):
            return self._shape(name, value)
        sized = isinstance(kind, SizeKind | SizesKind | PerAxisKind | PaddingKind)
        if not sized or isinstance(value, str | bool):
            return value
        if isinstance(value, tuple):
            return tuple(self._field(f"{name}{index}", kind, item) for index, item in enumerate(value))
        least = 0 if isinstance(kind, PaddingKind) else getattr(kind, "size", kind).least
        least = value - 4 if least is None else least
        return self._symbol(name, value, least)

    def points(self, count: int) -> list[dict[str, int]]:
        """The example itself, multiples of its sizes, and sizes at random around it."""
        random = Random(1)
        found = [{name: value for name, (value, _) in self.around.items()}]
        while len(found) < count:
            point = {}
            for name, (value, least) in self.around.items():
                away = random.choice([value, value, 2 * value, random.randint(least, self._most(value))])
                point[name] = max(least, away)
            found.append(point)
        return found

    def at(self, point: Mapping[str, int]) -> LayerRun:
        """The same layer at its input, on ints."""
        return run_of(self.cls, _placed(self.values, point), _placed(self.inputs, point))


def _placed(value: Any, point: Mapping[str, int]) -> Any:
    """A structure with numbers in the place of symbols."""
    if isinstance(value, Shape):
        grid = _placed(value.grid, point)
        spatial = (prod(grid) + value.lead,) if grid else _placed(value.spatial, point)
        return Shape(_placed(value.channels, point), spatial, value.is_tokens, grid)
    if isinstance(value, dict):
        return {name: _placed(item, point) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_placed(item, point) for item in value)
    return point[value.args[0]] if hasattr(value, "op") else value


def outputs(run: LayerRun) -> list[Size]:
    """Every number that a run states, in one order."""
    cost = run.cost
    numbers = [*run.output.dims, cost.params, *cost.operations.values(), cost.activations, cost.read, cost.macs]
    numbers.append(run.field.state)
    for axis in run.field.axes:
        numbers += [axis.stride, axis.narrow, axis.wide, *(end for reach in axis.phases for end in reach)]
    return numbers


def with_numbers(field: Field, numbers: list[int]) -> Field:
    """The field with numbers, in the order of `outputs`."""
    left = iter(numbers)
    state = next(left)
    axes = []
    for axis in field.axes:
        stride, narrow, wide = next(left), next(left), next(left)
        axes.append(AxisField(stride, tuple(Reach(*(next(left) for _ in range(4))) for _ in axis.phases), narrow, wide))
    return Field(tuple(axes), state)


def check_same_field(one: Field, other: Field) -> None:
    """Two fields that may tell their phases with another period."""
    assert (one.state, len(one.axes)) == (other.state, len(other.axes))
    for left, right in zip(one.axes, other.axes, strict=True):
        period = lcm(len(left.phases), len(right.phases))
        assert left.stride * len(right.phases) == right.stride * len(left.phases) or 0 in (left.stride, right.stride)
        assert (left.narrow, left.wide) == (right.narrow, right.wide)
        for position in range(period):
            assert seen(left, position) == seen(right, position)


def seen(axis: AxisField, position: int) -> tuple[Size, Size]:
    turn, phase = divmod(position, len(axis.phases))
    reach = axis.phases[phase]
    return axis.stride * turn + reach.low, axis.stride * turn + reach.high


def check_numbers(varied: Varied, run: LayerRun, point: Mapping[str, int], numbers: list[int], valid: bool) -> None:
    """What the expressions say at a point is what the rules say on ints there, their refusal included."""
    try:
        expected = varied.at(point)
    except RuleError as error:
        assert not valid, f"only ints are refused: {error}"
        return
    assert valid, "only the expressions are refused"
    assert list(run.cost.operations) == list(expected.cost.operations)
    plain = outputs(expected)
    count = len(plain) - sum(3 + 4 * len(axis.phases) for axis in expected.field.axes) - 1
    assert numbers[:count] == plain[:count]
    check_same_field(with_numbers(run.field, numbers[count:]), expected.field)


def traced(kind: str, number: int) -> tuple[Varied, LayerRun]:
    cls, example, values = example_of(kind, number)
    fixed = {name for of, name in FIXED if of == kind}
    varied = Varied(cls, values, inputs_of(cls, example), fixed)
    return varied, run_of(cls, varied.values, varied.inputs)


@pytest.mark.parametrize(("kind", "number"), USES)
def test_numpy_says_what_ints_say(kind: str, number: int) -> None:
    varied, run = traced(kind, number)
    compiled = to_numpy([*outputs(run), *(holds for holds, _ in varied.trace.problems)])
    points = varied.points(40)
    columns = compiled({name: [point[name] for point in points] for name in varied.around})
    count = len(outputs(run))
    found = 0
    for index, point in enumerate(points):
        row = [int(column[index] if column.ndim else column) for column in columns]
        check_numbers(varied, run, point, row[:count], all(row[count:]))
        found += all(row[count:])
    assert found  # the example itself at least


@pytest.mark.parametrize(("kind", "number"), USES)
def test_sympy_says_what_ints_say(kind: str, number: int) -> None:
    varied, run = traced(kind, number)
    reader, layout = Reader(), Layout(sorted(varied.trace.symbols))
    sizes = [*outputs(run), *(holds for holds, _ in varied.trace.problems)]
    formulas = [to_sympy(reader.of(size), layout) for size in sizes]
    count = len(outputs(run))
    for point in varied.points(4):
        values = {sympy.Symbol(name, integer=True): sympy.Integer(value) for name, value in point.items()}
        holds = all(formula.xreplace(values) == 1 for formula in formulas[count:])
        row = [int(formula.xreplace(values)) for formula in formulas[:count]] if holds else []
        check_numbers(varied, run, point, row, holds)


@pytest.mark.parametrize(("kind", "field"), sorted(FIXED))
def test_what_decides_on_a_field_may_not_vary(kind: str, field: str) -> None:
    uses = [number for of, number in USES if of == kind]
    number = next((number for number in uses if field in example_of(kind, number)[2]), 0)
    cls, example, values = example_of(kind, number)
    size = Trace().symbol("size", 0, 9)
    with pytest.raises(Untraceable):
        run_of(cls, {**values, field: size}, (example.input,))
