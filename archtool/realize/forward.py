"""A network run for real: built on a device with torch's own initial weights, and run once on a batch of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

import torch

from archtool.analysis.retention.execution import Units
from archtool.analysis.retention.peak import run_through
from archtool.errors import RuleError, nearest
from archtool.flatten import FlatNetwork
from archtool.realize.build import example_inputs, realize
from archtool.realize.counts import output_row, run
from archtool.realize.result import Row

DTYPES: Final = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
DEVICES: Final = ("auto", "cpu", "cuda", "meta")


class Run(NamedTuple):
    """Rows with the output sizes of each layer; or none, and a note why."""

    rows: list[Row]
    notes: list[str]


def chosen_device(name: str) -> torch.device:
    """The device of that name; 'auto' is CUDA where there is one. Raises RuleError where it is unknown or missing."""
    if name not in DEVICES:
        raise RuleError(f"device: '{name}' is not one of {', '.join(DEVICES)}" + nearest(name, list(DEVICES)))
    if name == "cuda" and not torch.cuda.is_available():
        raise RuleError("device: torch finds no CUDA device here; 'cpu' and 'meta' are always there")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def chosen_dtype(name: str) -> torch.dtype:
    """The dtype of that name; raises RuleError where it is none that networks run in."""
    if name not in DTYPES:
        raise RuleError(f"dtype: '{name}' is not one of {', '.join(DTYPES)}" + nearest(name, list(DTYPES)))
    return DTYPES[name]


def forward(flat: FlatNetwork, params: int, device: torch.device, dtype: torch.dtype) -> Run:
    """Run a network of so many parameters, unless the device clearly has not the memory, or not this dtype."""
    live = run_through(flat, Units(1, dtype.itemsize), training=False).heap.peak
    needed = params * max(4, dtype.itemsize) + live  # the weights are made in float32
    free = free_bytes(device)
    if free is not None and needed > free:
        return Run([], [f"not run on {device}: it takes about {needed:,} bytes, {free:,} are free"])
    with device:
        network = realize(flat).eval().to(dtype)
    with torch.no_grad():
        outputs = list(run(network, example_inputs(flat, 1, device, dtype)))
    last = outputs[-1] if outputs else ""
    if isinstance(last, str) and "not implemented for" in last:
        return Run([], [f"not run on {device} in {str(dtype).removeprefix('torch.')}: it {last}"])
    what = f"output on {device}"
    return Run([output_row(layer, what, output) for layer, output in zip(flat.layers, outputs, strict=False)], [])


def free_bytes(device: torch.device) -> int | None:
    """The memory that can be had, where that can be told."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):  # not Linux; no sysconf on Windows
        return None
