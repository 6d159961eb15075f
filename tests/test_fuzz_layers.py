"""Networks of all kinds of layers, their fields drawn at random: each reading of them is an answer or an error that a
person can read, and what has no place in the spec is about the network as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest

from archtool import ArchtoolError, Design, load
from archtool.errors import SpecError
from archtool.fields import (
    ChoiceKind,
    FactorKind,
    FieldKind,
    FlagKind,
    NumberKind,
    PaddingKind,
    PerAxisKind,
    SizesKind,
    TensorKind,
)
from archtool.layer import find, kinds

EXAMPLES = int(os.environ.get("ARCHTOOL_FUZZ", "600")) // 4
EXTREME = [0, -1, 4096, 4097, 10**5, 10**9, 2**31, 10**18, 2**63, 10**30]
SIZES = [1, 1, 2, 2, 3, 4, 5, 6, 8, 12]
FACTORS = [1, 2, 2, 3, 1.5, 0.5, 2.5, 0.75]
NUMBERS = [0.5, 0.1, 1, 0, 2, 1e-5]
JOINS = [kind for kind in kinds() if find(kind).is_join]
OTHERS = [kind for kind in kinds() if not find(kind).is_join]
TENSORS = ["input", "one", "other", "step0", "step1", "nowhere"]


class Drawn:
    """One network, drawn from one seed; `wild` is how often a size is one that nobody means."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.wild = self.random.choice([0, 0, 0.03, 0.15])

    def spec(self) -> str:
        """Steps that go behind each other, and perhaps one that does not."""
        head = self.head()
        steps: list[Any] = []
        for _ in range(self.random.randint(4, 40)):
            step = self.step()
            if self.random.random() < 0.5 and isinstance(step, dict):
                step["name"] = f"step{len(steps)}"
            try:
                load(text_of(head, [*steps, step])).run  # noqa: B018 - evaluated when asked for
            except ArchtoolError as error:
                check_error(error)
                if self.random.random() < 0.01:
                    return text_of(head, [*steps, step])
            else:
                steps.append(step)
        return text_of(head, steps)

    def head(self) -> dict[str, Any]:
        if self.random.random() < 0.6:
            return {"input": self.shape()}
        return {"inputs": {"one": self.shape(), "other": self.shape()}}

    def shape(self) -> Any:
        if self.random.random() < 0.3:
            return {"tokens": self.size(), "channels": self.size()}
        rank = self.random.choice([0, 1, 2, 2, 2, 3])
        return [self.size(), *(self.size([4, 6, 8, 9, 12, 16]) for _ in range(rank))]

    def step(self, depth: int = 0) -> Any:
        draw = self.random.random()
        if depth < 2 and draw < 0.1:
            paths = {label: [self.step(depth + 1) for _ in range(self.random.choice([0, 1, 2]))] for label in "ab"}
            return {self.random.choice(JOINS): paths}
        if depth < 2 and draw < 0.2:
            body = [self.step(depth + 1) for _ in range(self.random.randint(1, 2))]
            if draw < 0.15:
                return {"do": body, "repeat": self.random.choice([0, 2, 3, 10**12])}
            return {"for": "i", "in": f"range({self.random.randint(0, 3)})", "do": body}
        kind = self.random.choice(OTHERS)
        cls = find(kind)
        fields = {
            name: self.value(of)
            for name, of in cls.field_kinds().items()
            if name in cls.required() or self.random.random() < 0.35
        }
        step: dict[str, Any] = {kind: fields or None}
        for word, chance, value in (("shares", 0.08, "w"), ("repeat", 0.06, 7), ("at", 0.05, "input")):
            if self.random.random() < chance:
                step[word] = value
        return step

    def size(self, usual: list[int] = SIZES) -> int:
        return self.random.choice(EXTREME if self.random.random() < self.wild else usual)

    def value(self, kind: FieldKind) -> Any:
        rank = self.random.randint(1, 3)
        several = self.random.random() < 0.3
        match kind:
            case TensorKind():
                return self.random.choice(TENSORS)
            case FlagKind():
                return self.random.random() < 0.5
            case ChoiceKind():
                return self.random.choice(kind.words)
            case SizesKind():
                return [self.size() for _ in range(rank + 1)]
            case PaddingKind() if kind.words and self.random.random() < 0.3:
                return self.random.choice(kind.words)
            case PaddingKind():
                return [[self.size() // 2, self.size() // 2] for _ in range(rank)] if several else self.size() // 2
            case PerAxisKind():
                return [self.size() for _ in range(rank)] if several else self.size() - self.random.randint(0, 1)
            case FactorKind():
                one = [self.random.choice([*FACTORS, 1e9, 1e-9] if self.wild else FACTORS) for _ in range(rank)]
                return one if several else one[0]
            case NumberKind():
                return self.random.choice([*NUMBERS, -3, 1e9, 10**30, 1e300] if self.wild else NUMBERS)
            case _:
                return self.size()


def text_of(head: dict[str, Any], steps: list[Any]) -> str:
    return json.dumps({"name": "drawn", **head, "layers": steps}, indent=1) + "\n"


def check_error(error: ArchtoolError) -> None:
    said = str(error)
    assert 0 < len(said) < 5000
    assert not isinstance(error, SpecError) or said.startswith("<text>:"), said


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_every_reading_of_any_layers_answers(seed: int, readings: Mapping[str, Callable[[Design], Any]]) -> None:
    text = Drawn(seed).spec()
    for reading in readings.values():
        try:
            reading(load(text))
        except ArchtoolError as error:
            check_error(error)
