"""The command prints every original with its variants, and marks what is too large."""

from pathlib import Path

import pytest

from bench import sizes
from bench.sizes import Sizes
from tests.corpus.pictures import scene
from tests.corpus.samples import saved


def test_each_image_of_a_folder_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "scene.png").write_bytes(saved(scene(), "PNG"))
    (tmp_path / "in" / "text.txt").write_text("no picture")
    (tmp_path / "out.json").touch()

    sizes.main([str(tmp_path / "in"), "--json", str(tmp_path / "out.json")])

    out, err = capsys.readouterr()
    assert "| original | bytes in | desktop | tablet | phone |" in out
    assert "| scene.png 96 x 64 | " in out
    assert "1 originals, 3 variants, 0 too large" in out
    assert "text.txt: UnsupportedFormat" in err
    assert '"image_format": "png"' in (tmp_path / "out.json").read_text()


def test_a_variant_with_more_bytes_than_its_original_or_a_larger_one_is_marked() -> None:
    variants = {"a": ("png", (9, 9), 100), "b": ("png", (5, 5), 120), "c": ("jpeg", (4, 4), 999)}
    found = Sizes("x.png", "png", (9, 9), 99, variants)

    assert list(found.faults()) == ["a", "b"]
    assert "| x.png 9 x 9 | 99 | 100* | 120* | 999 |" in sizes.text([found], ["a", "b", "c"])
