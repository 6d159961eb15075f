"""The effective receptive field, analytic and measured over random weights: a table of widths.

python -m benchmarks.effective                          # 256 draws each, about half an hour on two cores
python -m benchmarks.effective --draws 32 --only resnet # some of them, sooner
python -m benchmarks.effective -o benchmarks/results/effective.md
"""

from __future__ import annotations

import argparse
import datetime
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from archtool import load
from archtool.analysis.effective import ASSUMES
from archtool.design import Design
from archtool.realize.effective import measured

CHANNELS = 32
FULL = ("strided", "dilated", "U-Net", "resnet18", "mobilenet_v2")  # the other published networks take a quarter
HEAD = ("network", "of", "draws", "predicted", "measured", "standard error", "difference", "in common", "analysis")


def stack(steps: list[str], repeat: int, size: int) -> Design:
    """A network of so many turns of some steps on a square input."""
    body = "".join(f"      - {step}\n" for step in steps)
    return load(f"input: [{CHANNELS}, {size}, {size}]\nlayers:\n  - do:\n{body}    repeat: {repeat}\n")


def conv(kernel: int, **fields: object) -> str:
    """A convolution step that keeps the size."""
    more = "".join(f", {name}: {value}" for name, value in fields.items())
    return f"conv: {{out: {CHANNELS}, kernel: {kernel}, padding: half, bias: false{more}}}"


def u_net(size: int) -> Design:
    """Two levels down and up, joined by concatenation; the last step up is bilinear."""

    def level(step: str, inner: list[str]) -> list[str]:
        deeper = [step, conv(3), "batch_norm", "relu", *inner]
        return [conv(3), "batch_norm", "relu", f"concat: {{down: [{', '.join(deeper)}], across: []}}", conv(3)]

    transposed = f"conv_transpose: {{out: {CHANNELS}, kernel: 2, stride: 2}}"
    bottom = level("max_pool: {kernel: 2}", [transposed])
    top = level("max_pool: {kernel: 2}", [*bottom, "relu", "upsample: {scale: 2, mode: bilinear}"])
    return stack(top, 1, size)


def transformer(channels: int, windows: bool) -> Design:
    """Patches of 16 x 16 and two blocks of attention and a perceptron, on a grid of 12 x 12."""
    shortcut = "shortcut: []"
    word, linear = ("window_attention", "conv: {kernel: 1, ") if windows else ("attention", "linear: {")
    attending = [f"add: {{main: [layer_norm, {word}: {{heads: {channels // 32}SHIFT}}], {shortcut}}}"] * 2
    perceptron = f"{linear}out: {4 * channels}}}, gelu, {linear}out: {channels}}}"
    steps = [f"conv: {{out: {channels}, kernel: 16, stride: 16}}", *([] if windows else ["tokens"])]
    for turn, step in enumerate(attending):
        steps.append(step.replace("SHIFT", f", window: 4, shift: {2 * turn}" if windows else ""))
        steps.append(f"add: {{main: [layer_norm, {perceptron}], {shortcut}}}")
    return load("input: [3, 192, 192]\nlayers:\n" + "".join(f"  - {step}\n" for step in steps))


def cases() -> Iterator[tuple[str, Design]]:
    """Name and network."""
    for kernel, depth, size in (
        (3, 5, 21),
        (3, 10, 31),
        (3, 20, 41),
        (3, 40, 51),
        (5, 5, 31),
        (5, 10, 41),
        (5, 40, 61),
    ):
        name = f"{depth} convolutions of {kernel} x {kernel}"
        yield name, stack([conv(kernel)], depth, size)
        yield f"{name}, ReLU", stack([conv(kernel), "relu"], depth, size)
        if kernel == 3:
            yield f"{name}, batch norm, ReLU", stack([conv(kernel), "batch_norm", "relu"], depth, size)
    strided = [conv(3), "relu", conv(3, stride=2), "relu", conv(3), "relu"]
    yield "strided: 9 of 3 x 3, three of stride 2", stack(strided, 3, 127)
    dilated = [step for dilation in (1, 2, 4) for step in (conv(3, dilation=dilation), "relu")]
    yield "dilated: 6 of 3 x 3, dilation 1, 2, 4, 1, 2, 4", stack(dilated, 2, 61)
    yield "U-Net-like", u_net(64)
    yield "ViT-like, 192 channels", transformer(192, windows=False)
    yield "Swin-like, 192 channels", transformer(192, windows=True)
    for name, res in (
        ("resnet18", 224),
        ("resnet50", 96),
        ("mobilenet_v2", 128),
        ("densenet121", 96),
        ("googlenet", 96),
        ("inception_v3", 139),
        ("efficientnet_b0", 96),
    ):
        yield f"{name}, {res} x {res}", load(name, res=res)


def rows(draws: int, only: str) -> Iterator[tuple[str, ...]]:
    """The table's rows, as they are measured."""
    for name, design in cases():
        if not re.search(only, name):
            continue
        design.flat()
        start = time.perf_counter()
        field = design.effective()
        seconds = time.perf_counter() - start
        turns = draws if "convolutions" in name or name.startswith(FULL) else max(2, draws // 4)
        found = measured(design, draws=turns)
        width, error = found.measured.widths[-1], found.errors[-1]
        worst = max(found.differences, key=abs)
        yield (
            name,
            f"`{field.at}`",
            f"{turns}",
            f"{field.widths[-1]:.3f}",
            f"{width:.3f}",
            f"{error:.3f}",
            f"{worst:+.1%}",
            f"{found.overlap:.1%}",
            f"{seconds:.3f} s",
        )


def main() -> None:
    """Print the table in Markdown, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=256)
    parser.add_argument("--only", default="", help="a pattern in the networks' names")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    lines = [
        "# The effective receptive field, analytic and measured",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}. Python "
        f"{platform.python_version()}, numpy {np.__version__}, torch {torch.__version__}, {platform.machine()}.",
        "",
        f"Assumed, and so drawn: {ASSUMES}.",
        "",
        "Widths are standard deviations in input positions, along the width; the difference is the larger of both",
        "axes'. The standard error is the measurement's. *In common* is the sum of the smaller of both maps' shares,",
        "which few draws, of however right a map, leave below 100%. *Analysis* is the analytic field's time.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---|---|" + "---:|" * (len(HEAD) - 2),
    ]
    print("\n".join(lines), flush=True)
    for row in rows(options.draws, options.only):
        lines.append("| " + " | ".join(row) + " |")
        print(lines[-1], flush=True)
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
