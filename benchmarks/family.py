"""The ResNets of specs/spaces/resnet_family.yaml without archtool: what one writes by hand for this one family.

A design is (four widths, four depths, resolution), each a number, or an array of one item a design. Its answer:
parameters, multiply-adds, output elements of all layers, and the receptive field of the last of them.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

CLASSES = 1000
STEM = 64
KNOBS = 9

RESNET50 = (64, 128, 256, 512, 3, 4, 6, 3, 224)
RESNET50_MACS = 4_089_184_256


class Answer(NamedTuple):
    """What is told of a design, or of many."""

    params: Any
    macs: Any
    activations: Any
    receptive_field: Any


def closed_form(design: Sequence[Any]) -> Answer:
    """Each stage by hand, the turns after its first as a product: in Python's ints, or on numpy arrays."""
    widths, depths, size = design[:4], design[4:8], design[8]
    size = (size + 1) // 2
    params = 3 * 7 * 7 * STEM + 2 * STEM
    macs = 3 * 7 * 7 * STEM * size * size
    activations = 3 * STEM * size * size
    size = (size + 1) // 2
    activations = activations + STEM * size * size
    sees, step, channels = 11, 4, STEM
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        outer = size
        size, stride = ((size + 1) // 2, 2) if stage else (size, 1)
        wide, before, after = 4 * width, outer * outer, size * size
        projected = True if stage else channels != wide
        middle, last, around = 9 * width * width, width * wide, projected * (channels * wide)
        params = params + channels * width + middle + last + around + 4 * width + 2 * wide + projected * (2 * wide)
        macs = macs + channels * width * before + (middle + last + around) * after
        activations = activations + 3 * width * before + (3 * width + (4 + 2 * projected) * wide) * after
        turns = depth - 1
        params = params + turns * (wide * width + middle + last + 4 * width + 2 * wide)
        macs = macs + turns * ((wide * width + middle + last) * after)
        activations = activations + turns * ((6 * width + 4 * wide) * after)
        sees = sees + 2 * step + 2 * step * stride * turns
        step, channels = step * stride, wide
    params = params + channels * CLASSES + CLASSES
    return Answer(params, macs + channels * CLASSES, activations + 2 * channels + CLASSES, sees)


def on_meta(design: Sequence[int]) -> tuple[int, int]:
    """Parameters and multiply-adds by torch's own counter, from a module that is built for the design."""
    torch: Any = import_module("torch")
    counter = import_module("torch.utils.flop_counter").FlopCounterMode(display=False)
    with torch.device("meta"):
        model, x = _module(torch.nn, design).eval(), torch.empty(1, 3, design[8], design[8])
    with counter, torch.no_grad():
        model(x)
    return sum(weight.numel() for weight in model.parameters()), counter.get_total_flops() // 2


def _module(nn: Any, design: Sequence[int]) -> Any:
    def conv(channels: int, out: int, kernel: int, stride: int = 1) -> list[Any]:
        padding = kernel // 2
        return [nn.Conv2d(channels, out, kernel, stride, padding, bias=False), nn.BatchNorm2d(out)]

    class Bottleneck(nn.Module):  # type: ignore[misc]  # torch is imported by name
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            wide = 4 * width
            first, middle = conv(channels, width, 1), conv(width, width, 3, stride)
            self.main = nn.Sequential(*first, nn.ReLU(), *middle, nn.ReLU(), *conv(width, wide, 1))
            narrow = stride != 1 or channels != wide
            self.shortcut = nn.Sequential(*(conv(channels, wide, 1, stride) if narrow else ()))
            self.relu = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.main(x) + self.shortcut(x))

    layers = [*conv(3, STEM, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = STEM
    for stage, (width, depth) in enumerate(zip(design[:4], design[4:8], strict=True)):
        for turn in range(depth):
            layers.append(Bottleneck(channels, width, 2 if stage and not turn else 1))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
