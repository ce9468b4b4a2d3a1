"""The SIMD resizer is trusted only where it proves itself: doubles of its package stand in for one that does not."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from processing.imaging.resize import resize, simd_is_sound
from tests.corpus import scene

ROOT = Path(__file__).parents[2]
MISSING = "raise ImportError"
HONEST = """
from enum import Enum
from PIL import Image
class FilterType(Enum): lanczos3 = 5
class ResizeAlg:
    def convolution(filter_type): return filter_type
class ResizeOptions:
    def __init__(self, resize_alg): pass
class Resizer:
    def resize_pil(self, source, target, options):
        target.paste(self.made(source, target.size))
    def made(self, source, size):
        return source.resize(size, Image.Resampling.LANCZOS)
"""
BLANK = HONEST + "\n    def made(self, source, size): return Image.new(source.mode, size, None)"
COARSE = HONEST + "\n    def made(self, source, size): return source.resize(size, Image.Resampling.NEAREST)"
ONE_BAND_OFF = HONEST + (
    "\n    def made(self, source, size):"
    "\n        made = source.resize(size, Image.Resampling.LANCZOS)"
    "\n        bands = made.split()"
    "\n        return Image.merge(made.mode, [*bands[:-1], bands[-1].point(lambda level: min(255, level + 8))])"
)
PROGRAM = """
import hashlib, json
from processing.imaging import render, resize
from tests.corpus import scene
from tests.corpus.samples import saved
from tests.imaging.making import recipe, spec
sound = resize.simd_is_sound()
data = render(saved(scene(), "PNG"), recipe(spec(width=40))).variants[0].data
print(json.dumps([sound, hashlib.sha256(data).hexdigest()]))
"""


def outcome(folder, package):
    """Whether a package of this text is trusted, and what a variant then looks like."""
    (folder / "cykooz_resizer.py").write_text(package)
    path = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]"
    done = subprocess.run([sys.executable, "-c", path + PROGRAM], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def by_pillow(tmp_path_factory):
    return outcome(tmp_path_factory.mktemp("missing"), MISSING)[1]


def test_a_resizer_that_makes_what_pillow_makes_is_used(tmp_path, by_pillow):
    assert outcome(tmp_path, HONEST) == [True, by_pillow]


@pytest.mark.parametrize("package", [MISSING, BLANK, COARSE, ONE_BAND_OFF])
def test_pillow_does_the_work_when_the_resizer_is_not_there_or_wrong(tmp_path, by_pillow, package):
    assert outcome(tmp_path, package) == [False, by_pillow]


@pytest.mark.skipif(sys.platform != "linux", reason="the resizer has wheels for Linux")
def test_the_resizer_that_is_installed_proves_itself():
    pytest.importorskip("cykooz_resizer")

    assert simd_is_sound()


def test_a_picture_that_has_the_size_is_handed_on_as_it_is():
    picture = scene()

    assert resize(picture, picture.size) is picture


def test_each_thread_has_a_resizer_of_its_own_and_all_make_the_same():
    picture, made = scene((900, 700)), []
    threads = [threading.Thread(target=lambda: made.append(resize(picture, (301, 203)).tobytes())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_picture_that_lies_in_several_blocks_of_memory_is_read_as_one():
    tall = scene().resize((1600, 6000))  # 38 MB: Pillow's blocks are of 16 MB

    small = resize(tall, (160, 600))

    expected = scene().resize((160, 600))
    worst = max(abs(a - b) for a, b in zip(small.tobytes(), expected.tobytes(), strict=True))
    mean = sum(abs(a - b) for a, b in zip(small.tobytes(), expected.tobytes(), strict=True)) / len(small.tobytes())
    assert mean < 1
    assert worst < 60  # at the edges of the drawn shapes, where the two ways differ
