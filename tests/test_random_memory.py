"""Random networks whose layers vary: their memory on expressions is each design's own, in every design."""

from __future__ import annotations

from random import Random

import pytest

from archtool.analysis.options import Options
from tests.test_measures import MEMORY, check
from tests.test_traced_network import every, small

RANGES = {"c": (1, 7), "n": (1, 3)}
OUTS = ("4", "c", "n", "2 * c", "x.channels")
PLAIN = ("relu", "batch_norm", "silu", "dropout", "identity")
CONDITIONS = ("c > 4", "n > 2", "c <= 4", "c == n", "n == 1", "x.channels > 5")
NARROW = "conv: {out: 3, kernel: 1}"


def body(random: Random, depth: int, indent: int = 2) -> str:
    """Some steps: layers, and to a depth alternatives, joins of paths that may be absent, repeats of varying turns."""
    return "\n".join(step(random, depth, " " * indent) for _ in range(random.randint(1, 3)))


def step(random: Random, depth: int, left: str) -> str:
    inside, choice = len(left) + 4, random.choice("clijr" if depth else "cl")
    if choice == "c":
        return f"{left}- conv: {{out: {random.choice(OUTS)}, kernel: {random.choice((1, 3))}, padding: half}}"
    if choice == "l":
        return f"{left}- {random.choice(PLAIN)}"
    if choice == "i":
        taken = f"{left}- if: {random.choice(CONDITIONS)}\n{left}  then:\n{body(random, depth - 1, inside)}"
        return taken + (f"\n{left}  else:\n{body(random, depth - 1, inside)}" if random.random() < 0.6 else "")
    if choice == "j":
        main = f"{left}- {random.choice(('concat', 'add'))}:\n{left}    a:\n{body(random, depth - 1, inside + 4)}"
        paths = [f"        - {NARROW}", f"    b: [{NARROW}, relu]", f"    d: {{when: n > 1, do: [{NARROW}]}}"]
        return "\n".join([main, *(left + path for path in paths[: random.randint(2, 3)])])
    turns = random.choice(("n", "n - 1", "c", "3"))
    last = f"{left}    - conv: {{out: 4, kernel: 1}}"
    return f"{left}- do:\n{body(random, depth - 1, inside)}\n{last}\n{left}  repeat: {turns}"


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_memory_of_random_networks(seed: int, in_place: bool) -> None:
    text = small(body(Random(seed), 3) + "\n", size="6, 5")
    check(text, RANGES, MEMORY, Options(in_place=in_place), every(RANGES))


# The tensor that the last step takes is the same one, whichever of the two merged ones it is.
TWICE = """
  - batch_norm
  - do:
      - if: n == 1
        then: [silu]
      - silu
      - if: n == 1
        then:
          - if: n > 2
            then: [relu, conv: {out: c, kernel: 3, padding: half}]
          - if: c <= 4
            then: [relu, conv: {out: c, kernel: 1}]
      - conv: {out: 4, kernel: 1}
    repeat: 3
"""


def test_one_of_two_that_are_the_same() -> None:
    check(small(TWICE), RANGES, MEMORY, Options(in_place=True), every(RANGES))
