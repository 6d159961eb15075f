"""The backward pass by term: worked examples, and the algebra over blocks against one layer after the other."""

from __future__ import annotations

from collections import Counter

import pytest

from archtool import RuleError, load
from archtool.analysis.operations.gradients import Gradients
from archtool.analysis.operations.training import RULES, Backward, backward
from archtool.cost import TERMS
from archtool.flatten import FlatNetwork

ADD = "elementwise.add"


def passes(layers: str, shape: str = "[8, 6, 6]"):
    return (
        load(f"input: {shape}\nlayers:\n" + "".join(f"  - {line}\n" for line in layers.split("; ")))
        .flops(mode="training")
        .passes
    )


def test_every_term_has_a_rule():
    assert set(RULES) == set(TERMS)
    assert all(rule.why for rule in RULES.values())


CONV = "conv: {out: 8, kernel: 3, padding: half, bias: false}"
MACS = 8 * 8 * 9 * 36
SIZE = 8 * 36


def test_the_first_layer_has_no_input_gradient():
    assert passes(CONV).of("conv.macs") == (MACS, 0, MACS)
    assert passes(f"{CONV}; {CONV}").of("conv.macs") == (2 * MACS, MACS, 2 * MACS)
    assert passes(f"relu; {CONV}").of("activation") == (SIZE, 0, 0)


def test_layers_without_weights_have_no_weight_gradient():
    found = passes(f"{CONV}; relu; batch_norm: {{affine: false}}; batch_norm")
    assert found.of("activation") == (SIZE, SIZE, 0)
    assert found.of("norm.batch") == (2 * SIZE, 4 * SIZE, 0)
    assert found.of("norm.batch.affine") == (SIZE, SIZE, SIZE)


def test_the_gradient_of_a_bias_is_a_sum():
    assert passes("conv: {out: 4, kernel: 1}").of("conv.bias") == (4 * 36, 0, 4 * 36)


def test_a_tensor_that_is_read_twice_gets_two_gradients():
    once = passes(f"{CONV}; add: {{a: [relu], b: []}}")
    assert once.of(ADD) == (SIZE, SIZE, 0)
    three = passes(f"{CONV}; add: {{a: [relu], b: [], c: [tanh]}}")
    assert three.of(ADD) == (2 * SIZE, 2 * SIZE, 0)
    assert passes(f"add: {{a: [{CONV}], b: [{CONV}]}}").of(ADD) == (SIZE, 0, 0)  # the input needs none


def test_a_product_has_a_product_for_each_factor_that_needs_a_gradient():
    assert passes(f"multiply: {{a: [{CONV}], b: []}}").of("elementwise.multiply") == (SIZE, SIZE, 0)
    both = passes(f"multiply: {{a: [{CONV}], b: [{CONV}]}}")
    assert both.of("elementwise.multiply") == (SIZE, 2 * SIZE, 0)
    chain = passes(f"multiply: {{a: [], b: [], c: [{CONV}]}}")  # (a b) c: c's product alone
    assert chain.of("elementwise.multiply") == (2 * SIZE, SIZE, 0)


def test_a_gate_and_what_it_gates_out_of_one_tensor_need_two_products():
    assert passes(f"{CONV}; glu").of("elementwise.multiply") == (SIZE // 2, SIZE, 0)
    assert passes(f"{CONV}; layer_scale").of("elementwise.multiply") == (SIZE, SIZE, SIZE)


def test_what_is_subtracted_changes_its_sign():
    assert passes(f"subtract: {{a: [{CONV}], b: []}}").of("elementwise.subtract") == (SIZE, 0, 0)
    assert passes(f"subtract: {{a: [], b: [{CONV}]}}").of("elementwise.subtract") == (SIZE, SIZE, 0)


def test_a_stretched_gate_sums_its_gradient():
    found = passes(f"{CONV}; multiply: {{x: [], gate: [global_avg_pool, sigmoid]}}")
    assert found.of("elementwise.multiply") == (SIZE, 2 * SIZE, 0)
    assert found.of(ADD) == (0, (SIZE - 8) + SIZE, 0)  # the gate's sum, and the two gradients of what both read


def test_pools_pass_their_gradient_on():
    found = passes(f"{CONV}; max_pool: {{kernel: 2}}; avg_pool: {{kernel: 3}}")
    assert found.of("pool.max") == (SIZE, SIZE // 4, 0)
    assert found.of("pool.average") == (8 * 9, 8 * 9, 0)


def test_what_reaches_no_output_has_no_gradient():
    layers = f"{CONV}; {CONV}\n    name: kept; {CONV}\n    name: lost; relu:\n    at: kept"
    assert passes(layers).of("conv.macs") == (3 * MACS, MACS, 2 * MACS)


def test_a_parameter_in_the_place_of_a_tensor_does_not_read_it():
    layers = f"{CONV}; add: {{x: [], position: [parameter: {{shape: [8, 6, 6]}}]}}"
    assert passes(layers).of(ADD) == (SIZE, 0, 0)
    assert passes(f"add: {{x: [], position: [parameter: {{shape: [8, 6, 6]}}]}}; {CONV}").of("conv.macs")[1] == MACS


def test_shared_weights_add_up_their_gradients():
    layers = f"{CONV}\n    shares: a; {CONV}\n    shares: a; {CONV}\n    shares: a"
    found = passes(layers)
    assert found.of("conv.macs") == (3 * MACS, 2 * MACS, 3 * MACS)
    assert found.of(ADD) == (0, 0, 2 * 8 * 8 * 9)


def one_by_one(flat: FlatNetwork) -> Backward:
    """The same without blocks: every tensor's gradients counted, from the outputs to the inputs."""
    needs = dict.fromkeys(range(len(flat.inputs)), False)
    elements = {number: shape.elements for number, shape in enumerate(flat.inputs.values())}
    for layer in flat.layers:
        reads = () if layer.run.layer.ignores_input else layer.sources
        needs[layer.target] = layer.run.cost.params > 0 or any(needs[source] for source in reads)
        elements[layer.target] = layer.run.output.elements
    gradients = Counter(dict.fromkeys(flat.outputs.values(), 1))
    found = Backward.nothing()
    uses: Counter[str] = Counter()
    params = {}
    for layer in reversed(flat.layers):
        if gradients[layer.target] and needs[layer.target]:
            found.add(backward(layer.run, tuple(needs[source] for source in layer.sources)))
            if not layer.run.layer.ignores_input:
                gradients.update(source for source in layer.sources if needs[source])
            uses[layer.weights] += 1
            params[layer.weights] = layer.run.cost.params
    found.inputs[ADD] += sum((n - 1) * elements[number] for number, n in gradients.items() if n > 1 and needs[number])
    found.weights[ADD] += sum((n - 1) * params[name] for name, n in uses.items())
    return found


REPEATS = """
input: [4, 8, 8]
blocks:
  two:
    body:
      - conv: {out: 4, kernel: 3, padding: half}
        name: a
      - add: {x: [relu], y: []}
        name: b
    outputs: [a, b]
layers:
  - do: [relu, add: {p: [tanh], q: []}]
    repeat: 3
  - two:
    repeat: 4
    name: t
  - do: [{two: , shares: s}, relu]
    repeat: 2
  - conv: {out: 4, kernel: 1}
    repeat: 3
    shares: k
  - add:
    at: [t.a, t]
"""


@pytest.mark.parametrize("name", ["lenet5", "resnet50", "mobilenet_v2", "squeezenet1_0", REPEATS])
def test_the_algebra_is_that_of_the_layers_one_by_one(name):
    design = load(name)
    found, expected = Gradients().of(design.run), one_by_one(design.flat())
    assert [+part for part in found] == [+part for part in expected]


def test_training_costs_what_the_three_passes_do():
    found = load("resnet50").flops("macs", mode="training", batch=2)
    assert found.passes.macs == (2 * 4_089_184_256, 2 * 3_971_170_304, 2 * 4_089_184_256)
    assert found.totals == (sum(found.passes.macs),)


def test_a_convention_without_backward_prices_is_refused():
    with pytest.raises(RuleError, match=r"'thop' prices 'conv_transpose\.weights_at_outputs', which has no"):
        load("lenet5").flops("thop", mode="training")
    with pytest.raises(RuleError, match=r"^unknown mode 'train'; did you mean 'training'\?$"):
        load("lenet5").flops(mode="train")
