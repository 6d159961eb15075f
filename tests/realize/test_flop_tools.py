"""The presets against the tools themselves, on torchvision's models; a tool that is not installed is skipped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from archtool import load

PROGRAM = Path(__file__).with_name("flop_tools.py")
TOOLS = ("fvcore", "ptflops", "ptflops-aten", "thop", "calflops", "calflops-flops", "torchinfo", "torchlens", "torch")
MODELS = ("resnet50", "vgg16", "mobilenet_v2")
MISSING = 3


@pytest.mark.parametrize("tool", TOOLS)
def test_a_preset_is_what_the_tool_prints(tool):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), tool, *MODELS], capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode == MISSING:
        pytest.skip(f"{tool} does not run here: {done.stdout.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {model: load(model).flops(tool).totals[0] for model in MODELS}
