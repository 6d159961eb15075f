"""Pictures of receptive fields: whole or not at all, with what is seen where it is."""

import io

import numpy as np
import pytest

from archtool import load
from archtool.errors import MissingExtra
from archtool.render import photo, projected
from archtool.render.picture import PictureError
from archtool.render.projection import projection

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
SMALL = """\
name: small
input: [3, 24, 32]
layers:
  - conv: {out: 4, kernel: 3, dilation: 3, padding: half}
  - conv: {out: 4, kernel: 3, stride: 2, padding: half}
"""


@pytest.fixture
def photo_file(tmp_path):
    path = tmp_path / "photo.jpg"
    image.new("RGB", (50, 40), (30, 160, 60)).save(path)
    return path


def pixels(data):
    return np.asarray(image.open(io.BytesIO(data)).convert("RGB"), dtype=int)


def share_of(data, colour):
    """Which share of a picture has about this colour."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (abs(pixels(data) - rgb).max(-1) <= 6).mean()


@pytest.mark.parametrize("form", STARTS)
@pytest.mark.parametrize("asked", [{}, {"effective": True}, {"projective": True}], ids=str)
def test_formats(form, asked, tmp_path):
    path = load(SMALL).draw_field(tmp_path / f"field.{form}", **asked)
    assert path.read_bytes().startswith(STARTS[form])
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["wavenet", "r3d_18"])
def test_other_ranks(name, tmp_path):
    at = {"wavenet": "conv1", "r3d_18": "stage.0"}[name]
    for effective in (False, True):
        path = load(name).draw_field(tmp_path / "field.png", at, effective=effective)
        assert path.read_bytes().startswith(STARTS["png"])


def test_the_same_design_gives_the_same_picture(tmp_path):
    for form in STARTS:
        drawn = [load(SMALL).draw_field(tmp_path / f"{n}.{form}").read_bytes() for n in range(2)]
        assert drawn[0] == drawn[1]


def test_it_shows_what_is_seen():
    shown = projection(load(SMALL), position=(5, 6))
    assert (shown.sizes, shown.names, shown.canvas) == ((24, 32), ("height", "width"), "input")
    assert shown.box == ((6, 14), (8, 16))
    found = np.argwhere(shown.shares)
    assert found.min(0).tolist() == [6, 8]
    assert found.max(0).tolist() == [14, 16]
    assert shown.shares.sum() == load(SMALL).support(position=(5, 6)).count
    assert shown.middle == (10, 12)


def test_what_is_drawn_is_seen_from_far():
    """The ink covers of the canvas what is seen of the input; padding is hatched only where the field reaches out."""
    data = projected.draw(projection(load(SMALL), position=(5, 6)), "png")
    seen, paper = share_of(data, projected.SEEN), share_of(data, projected.PAPER)
    assert seen / (seen + paper) == pytest.approx(81 / (24 * 32), rel=0.1)
    corner = projected.draw(projection(load(SMALL), position=(0, 0)), "png")
    assert share_of(corner, projected.PADDING) > 0.005 > share_of(data, projected.PADDING)


def test_a_photo_fades_where_nothing_is_seen(photo_file):
    shown = projection(load(SMALL), position=(5, 6))
    data = projected.draw(shown, "png", photo.photo(photo_file, 24, 32))
    clear, faded = share_of(data, "#1ea03c"), share_of(data, "#c0e4c8")
    assert clear / (clear + faded) == pytest.approx(81 / (24 * 32), rel=0.15)


def test_an_effective_field_is_brightest_in_its_middle():
    """Three windows of 3: along an axis 1, 3, 6, 7, 6, 3, 1 paths of equal weight; the shares are roots."""
    text = "input: [1, 9, 9]\nlayers: [conv: {out: 1, kernel: 3, padding: 1, bias: false}, conv: {out: 1, kernel: 3, "
    text += "padding: 1, bias: false}, conv: {out: 1, kernel: 3, padding: 1, bias: false}]"
    shown = projection(load(text), effective=True)
    assert shown.shares[4, 1:8] ** 2 * 7 == pytest.approx([1, 3, 6, 7, 6, 3, 1])


def test_a_photo_that_is_none(tmp_path, photo_file):
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo_file.read_bytes()[:300])
    for path, said in [(broken, "no picture that can be read"), (cut, ""), (tmp_path, "Is a directory")]:
        with pytest.raises(PictureError) as error:
            load(SMALL).draw_field(tmp_path / "field.png", image=path)
        assert str(error.value).startswith(f"{path}: ")
        assert said in str(error.value)
        assert not (tmp_path / "field.png").exists()


def test_a_photo_lies_over_two_axes(tmp_path, photo_file):
    with pytest.raises(PictureError, match="a photo has two axes, the field has 1"):
        load("wavenet").draw_field(tmp_path / "field.png", "conv1", image=photo_file)
    with pytest.raises(PictureError, match="1 to 3 axes, the field has 0"):
        load("input: [3]\nlayers: [linear: {out: 2}]").draw_field(tmp_path / "field.png")


def test_a_file_that_can_not_be_written(tmp_path):
    (tmp_path / "dir.png").mkdir()
    for name, said in [("field.jpg", "no format"), ("no/field.png", "no folder"), ("dir.png", "this is a folder")]:
        with pytest.raises(PictureError, match=said):
            load(SMALL).draw_field(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["dir.png"]


@pytest.mark.parametrize(("module", "name"), [("matplotlib", "matplotlib"), ("PIL", "Pillow")])
def test_without_the_extra(module, name, tmp_path, photo_file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtra, match=rf"needs {name} \(.+\): pip install 'archtool\[plot\]'"):
        load(SMALL).draw_field(tmp_path / "field.png", image=photo_file)
    assert not (tmp_path / "field.png").exists()
