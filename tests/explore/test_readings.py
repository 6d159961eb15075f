"""What varies is read as it is alone, wherever it stands: a field that can't be traced splits the space."""

from __future__ import annotations

import pytest

from archtool import ArchtoolError, load
from archtool.design import Design

HEAD = "input: [4, 8, 8]\nvars: {v: %s}\nlayers:\n"


def alone(text: str, value: object) -> Design | None:
    """The design where the var has a value as written; None where that is none."""
    try:
        design = load(HEAD.replace("%s", str(value)) + text)
        design.run  # noqa: B018 - evaluated when asked for
    except ArchtoolError:
        return None
    return design


@pytest.mark.parametrize(
    ("step", "values", "valid"),
    [
        ("upsample: {scale: v}", ["1", "1.5", "5/2"], 3),
        ("upsample: {scale: [v, 2]}", ["0.5", "2"], 2),
        ("upsample: {scale: v}", ["0", "1.5", "half"], 1),
        ("conv: {out: 4, kernel: [v, 3], padding: half}", ["3", "half", "5"], 2),
        ("conv: {out: 4, kernel: 3, padding: [v, 1]}", ["1", "'[0, 1]'", "2"], 3),
        ("conv: {out: 4, kernel: 1, bias: v}", ["true", "false", "1"], 2),
        ("cross_attention: {context: input, heads: 2, bias: v}", ["true", "false"], 2),
        ("cross_attention: {context: input, heads: v}", ["1", "2", "3", "half"], 2),
        ("dropout: {p: v}", ["0", "0.5", "true", "1.5"], 2),
        ("{conv: {out: 4, kernel: 1}, repeat: v}", ["true", "false", "2"], 1),
        ("{conv: {out: 4, kernel: 1}, repeat: v}", ["true", "false"], 0),
    ],
)
def test_a_field_takes_of_many_values_those_that_it_takes_alone(step: str, values: list[str], valid: int) -> None:
    text = f"  - {step}\n"
    sweep = load(HEAD.replace("%s", values[-1]) + text).explore({"v": ", ".join(values)}, metrics=["activations"])
    batch = sweep.batch(0, len(values))
    designs = [alone(text, value) for value in values]
    assert [problem == 0 for problem in batch.problem] == [design is not None for design in designs]
    told = [design and design.run.cost.activations for design in designs]
    assert [
        int(one) for one, problem in zip(batch.metrics["activations"], batch.problem, strict=True) if not problem
    ] == [one for one in told if one is not None]
    assert (batch.problem == 0).sum() == valid


@pytest.mark.parametrize(
    ("values", "valid"),
    [("half, same", [True, True]), ("half, {batch_norm: {}}", [True, False]), ("relu, 1", [False, True])],
)
def test_a_var_that_has_the_name_of_a_kind_is_a_step_where_it_holds_one(values: str, valid: list[bool]) -> None:
    spec = "input: [4, 8, 8]\nvars: {pad: half}\nlayers:\n  - pad: {padding: 1}\n"
    batch = load(spec).explore({"pad": values}, metrics=["activations"]).batch(0, 2)
    assert [problem == 0 for problem in batch.problem] == valid  # the steps have no padding
    assert set(batch.metrics["activations"][batch.problem == 0]) == {4 * 10 * 10}
