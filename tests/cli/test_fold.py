"""`archtool fold`: what it prints and writes, refusals, and what it loads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from archtool import load

NET = """
input: [3, 10, 9]
layers:
  - conv: {out: 4, kernel: 3, padding: 1, bias: false}
    name: stem
  - batch_norm
  - relu
  - add:
      main: [conv: {out: 4, kernel: 3, padding: 1}, batch_norm]
      skip: []
  - batch_norm
  - conv: {out: 2, kernel: 3, padding: 1}
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return path


@pytest.mark.parametrize("name", ["resnet50", "repvgg", "mobilenet_v2"])
def test_golden(archtool, golden, name):
    called = archtool("fold", name, "--no-check")
    assert (called.code, called.err) == (0, "")
    golden(f"fold_{name}.text", called.out)


def test_the_folded_spec_of_repvgg(archtool, golden):
    """Equal blocks stay equal: each stage is a first convolution and a repeat."""
    called = archtool("fold", "repvgg", "-o", "-")
    golden("fold_repvgg.yaml", called.out)
    folded, deployed = load(called.out).analyze().totals, load("repvgg_a0_deploy").analyze().totals
    assert (folded.params, folded.macs) == (deployed.params, deployed.macs) == (8_309_384, 1_361_451_008)


def test_weights_go_with_the_spec(archtool, net, tmp_path):
    """A folded spec's torch module takes the folded weights as they are in the file, and does the same."""
    torch = pytest.importorskip("torch")
    module = load(net).torch().eval()
    for norm in (each for each in module.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.1, 2)
        torch.nn.init.normal_(norm.weight)
    torch.save(module.state_dict(), tmp_path / "in.pt")
    out, to = tmp_path / "folded.yaml", tmp_path / "out.pt"
    called = archtool("fold", str(net), "--weights", str(tmp_path / "in.pt"), "--to", str(to), "-o", str(out))
    assert (called.code, called.err) == (0, "")
    assert "equal: " in called.out
    folded = load(out).torch().eval()
    folded.load_state_dict(torch.load(to, weights_only=True))
    x = torch.randn(2, 3, 10, 9)
    assert torch.allclose(folded(x), module(x), atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folded.yaml", "in.pt", "net.yaml", "out.pt"]


def test_json(archtool, net):
    told = json.loads(archtool("fold", str(net), "--format", "json").out)
    assert told["before"]["layers"] == 8
    assert told["after"]["layers"] == 4
    assert next(fold["made"] for fold in told["folded"]) == ["stem", "batch_norm1"]
    assert [refusal["rule"] for refusal in told["refused"]] == ["bias before padding"]
    assert told["checked"]["equal"] and told["checked"]["error"] <= 1e-12
    assert load(told["spec"]).analyze().totals.params == told["after"]["params"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "neither a file nor a shipped spec"),
        (["resnet50", "--weights", "in.pt"], "--weights needs --to FILE"),
        (["resnet50", "--to", "out.pt"], "--to needs --weights FILE"),
        (["resnet50", "-o", "there.yaml"], "--force replaces it"),
        (["resnet50", "-o", "no/folder.yaml"], "there is no folder"),
        (["resnet50", "-o", "."], "this is a folder"),
        (["resnet50", "--weights", "missing.pt", "--to", "out.pt"], "No such file"),
        (["resnet50", "--weights", "there.yaml", "--to", "out.pt"], "no file of weights"),
        (["resnet50", "--weights", "junk.pt", "--to", "out.pt"], "no file of weights"),
        (["resnet50", "--weights", "list.pt", "-o", "one", "--to", "./one"], "can't be both"),
        (["resnet50", "--weights", "list.pt", "--to", "out.pt"], "holds no state_dict"),
        (["resnet50", "--weights", "few.pt", "--to", "out.pt"], "lacks 'stem.weight', 'batch_norm.weight'"),
        (["resnet50", "--draws", "0"], "--draws"),
    ],
)
def test_refusals(archtool, tmp_path, monkeypatch, arguments, said):
    """Each ends in exit code 2 and its reason, and leaves nothing."""
    if any(argument.endswith(".pt") for argument in arguments):
        torch = pytest.importorskip("torch")
        torch.save([1, 2], tmp_path / "list.pt")
        torch.save({"x": torch.zeros(1)}, tmp_path / "few.pt")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.yaml").write_text("here")
    (tmp_path / "junk.pt").write_text("junk")  # half of an instruction of pickle
    before = sorted(tmp_path.iterdir())
    called = archtool("fold", *arguments)
    assert called.code == 2
    assert said in called.err
    assert "Traceback" not in called.err
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "there.yaml").read_text() == "here"


def test_unequal_networks_write_nothing(archtool, net, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("archtool.realize.folding.checking.TOLERANCE", -1.0)
    called = archtool("fold", str(net), "-o", str(tmp_path / "out.yaml"))
    assert called.code == 1
    assert "NOT EQUAL" in called.out
    assert not (tmp_path / "out.yaml").exists()


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where torch can't be imported."""
    code = "import sys; sys.modules['torch'] = None; from archtool.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_without_torch_it_folds_and_says_what_it_did_not_measure():
    done = without_torch("fold", "repvgg")
    assert done.returncode == 0
    assert "8,309,384" in done.stdout
    assert "equality not measured: this needs torch" in done.stdout
    asked = without_torch("fold", "repvgg", "--check")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "pip install 'archtool[torch]'" in asked.stderr


def test_no_check_loads_no_torch():
    code = "import sys; from archtool.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "fold", "resnet50", "--no-check"], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "False"
