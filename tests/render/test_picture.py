"""Pictures as files: whole or not at all."""

from html import unescape

import pytest
from click.testing import CliRunner

from archtool import load
from archtool.cli import cli
from archtool.render import picture
from archtool.render.picture import PictureError

STARTS = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}


@pytest.mark.parametrize("form", STARTS)
def test_formats(form, tmp_path):
    path = load("lenet5").render(tmp_path / f"net.{form}")
    assert path.read_bytes().startswith(STARTS[form])
    assert list(tmp_path.iterdir()) == [path]


def test_shipped(shipped, tmp_path):
    text = shipped.render(tmp_path / "net.svg").read_text(encoding="utf-8")
    assert text.rstrip().endswith("</svg>")


def test_text_in_the_picture(tmp_path):
    text = unescape(load("resnet50").render(tmp_path / "net.SVG").read_text(encoding="utf-8"))
    for said in ("stage.2.block.1-5", "x5", "256x56x56", "stem: conv 7x7 /2, 64", "bottleneck: 5.59 M params"):
        assert said in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net.gif", r"'\.gif' is no format of pictures; allowed: dot, pdf, png, svg"),
        ("net.sgv", r"did you mean 'svg'\?"),
        ("net", "is no format of pictures"),
        ("nowhere/net.svg", "there is no folder"),
        ("folder.svg", "this is a folder"),
    ],
)
def test_where_no_picture_can_be_written(name, message, tmp_path):
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(PictureError, match=message):
        load("lenet5").render(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


def test_a_drawing_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.svg"
    path.write_text("old")
    with pytest.raises(PictureError, match=r"Graphviz can't draw it as svg: .*\n  the format dot needs no Graphviz"):
        picture.save("no graph", path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_leaves_no_part(tmp_path, monkeypatch):
    def fail(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(PictureError, match=r"net\.dot: Permission denied"):
        picture.save("digraph {}", tmp_path / "net.dot")
    assert list(tmp_path.iterdir()) == []


def run(*arguments):
    return CliRunner().invoke(cli, ["render", *map(str, arguments)])


def test_command(tmp_path):
    path = tmp_path / "net.dot"
    result = run("resnet", "--design", "resnet18", "--set", "width=32", "--depth", 1, "--direction", "LR", "-o", path)
    assert (result.exit_code, result.output) == (0, "")
    assert path.read_text(encoding="utf-8") == load("resnet18", width=32).dot(depth=1, direction="LR")


def test_command_refuses(tmp_path):
    assert isinstance(run("lenet5", "-o", tmp_path / "net.gif").exception, PictureError)
    assert run("lenet5", "-o", tmp_path / "net.svg", "--depth", 0).exit_code == 2
    assert run("lenet5").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_exit_code(tmp_path, monkeypatch, capsys):
    from archtool.cli import main

    monkeypatch.setattr("sys.argv", ["archtool", "render", "lenet5", "-o", str(tmp_path / "net.gif")])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "is no format of pictures" in capsys.readouterr().err


def test_a_link_is_written_through(tmp_path):
    target, link = tmp_path / "target.dot", tmp_path / "link.dot"
    link.symlink_to(target)
    load("lenet5").render(link)
    assert link.is_symlink()
    assert target.read_text().startswith("digraph")
