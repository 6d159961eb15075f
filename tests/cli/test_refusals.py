"""Bad calls and bad files: exit code 2, a message on standard error, nothing on standard output, no traceback."""

from __future__ import annotations

import pytest


def assert_refused(called, *words: str) -> None:
    assert called.code == 2
    assert called.out == ""
    assert "Traceback" not in called.err
    assert called.err.endswith("\n")
    for word in words:
        assert word in called.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyze", "resnt50"], ["'resnt50' is neither a file nor a shipped spec; did you mean 'resnet50'?"]),
        (["analyze", "missing.yaml"], ["missing.yaml", "no such file"]),
        (["analyze", "specs/resnet50"], ["specs/resnet50", "no such file"]),
        (["analyze", "resnet", "--design", "resnt50"], ["no design 'resnt50'; did you mean 'resnet50'?"]),
        (["analyze", "resnet50", "--set", "widht=3"], ["no var 'widht'; did you mean 'width'?"]),
        (["analyze", "resnet50", "--set", "width"], ["--set takes NAME=VALUE, not 'width'"]),
        (["analyze", "resnet50", "--set", "=3"], ["--set takes NAME=VALUE, not '=3'"]),
        (["analyze", "resnet50", "--set", "width="], ["--set width", "missing"]),
        (["analyze", "resnet50", "--set", "width=1.5"], ["resnet.yaml:", "stem", "3/2 (a fraction) is not"]),
        (["analyze", "resnet50", "--set", "width=[1"], ["--set width", "no matching ']'"]),
        (["analyze", "resnet50", "--set", "width=wdth"], ["--set width", "wdth"]),
        (["analyze", "resnet50", "--set", "width=width"], ["--set width", "width"]),
        (["analyze", "resnet50", "--set", "width=8 // 0"], ["division by zero"]),
        (["analyze", "resnet50", "--set", "width=x"], ["--set width"]),
        (["analyze", "resnet50", "--set", "width=input.channels"], ["--set width"]),
        (["analyze", "resnet50", "--dtype", "flaot32"], ["unknown dtype 'flaot32'; did you mean 'float32'?"]),
        (["analyze", "resnet50", "--depth", "0"], ["--depth"]),
        (["analyze", "resnet50", "--batch", "0"], ["--batch"]),
        (["analyze", "resnet50", "--batch", "many"], ["--batch"]),
        (["analyze", "resnet50", "--sort", "size"], ["--sort", "params"]),
        (["analyze", "resnet50", "--format", "xml"], ["--format", "markdown"]),
        (["analyze", "resnet50", "--acts", "some"], ["--acts", "conv"]),
        (["analyze", "resnet50", "--detph", "1"], ["--detph", "--depth"]),
        (["analyze"], ["SPEC"]),
        (["analize", "resnet50"], ["no such command 'analize'; did you mean 'analyze'?"]),
        (["zoo", "resnt50"], ["did you mean 'resnet50'?"]),
    ],
)
def test_bad_calls(archtool, arguments, words):
    assert_refused(archtool(*arguments), *words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["<stdin>:1:1", "empty"]),
        (b"# nothing\n", ["<stdin>:1:1", "empty"]),
        (b"input: [3, 4, 4]\nlayers:\n  - \xff\n", ["<stdin>:3:5", "not UTF-8", "0xff"]),
        (b"- relu\n", ["<stdin>:1:1", "a list"]),
        (b"input: [3, 4, 4]\nlayers: [relu\n", ["<stdin>:2:9", "no matching ']'"]),
        (b"input: [3, 4, 4]\nlayer: [relu]\n", ["<stdin>:2:1", "did you mean 'layers'?"]),
        (b"input: [3, 4, 4]\nlayers:\n  - rleu\n", ["<stdin>:3:5", "layers[0]", "'relu'"]),
        (b"layers: [relu]\n", ["<stdin>:1:1", "'input'"]),
        (b"input: [3, 4, 4]\nlayers: [conv: {out: 8, kernel: 9}]\n", ["<stdin>:2:10", "9", "larger than"]),
    ],
)
def test_bad_specs(archtool, data, words):
    assert_refused(archtool("analyze", "-", stdin=data), *words)


def test_a_directory(archtool, tmp_path):
    assert_refused(archtool("analyze", str(tmp_path)), str(tmp_path), "directory")


def test_files_that_are_no_specs(archtool, tmp_path):
    for name, data in {"empty.yaml": b"", "latin.yaml": b"name: caf\xe9\n", "zeros.yaml": bytes(64)}.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert_refused(archtool("analyze", str(path)), f"{path}:1:")


def test_an_ambiguous_name(archtool):
    assert_refused(archtool("analyze", "direct"), "bottleneck", "--design direct")


def test_a_spec_that_has_only_designs(archtool):
    spec = b"name: net\ninput: [3, 4, 4]\ndesigns: {a: [relu], b: [tanh]}\n"
    assert_refused(archtool("analyze", "-", stdin=spec), "choose one of its designs: a, b")
    assert archtool("analyze", "-", "--design", "a", stdin=spec).code == 0
