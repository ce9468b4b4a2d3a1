"""HEIC: files that code cannot make here, for no encoder of HEVC is free to ship.

golden/portrait.heic is the corpus's four corners with its planted metadata, 96 x 64, stored on its side under a
rotation property as telephones do; written once with pillow-heif 1.8.1 (x265).
"""

from pathlib import Path

import pytest

from processing.errors import CorruptImage, ImageTooLarge
from processing.imaging import inspect
from tests.corpus import NOTICE, planted_in
from tests.corpus.pictures import CORNERS
from tests.imaging import anatomy
from tests.imaging.making import FORMATS, LIMITS, limits, made, opened, rendered

PORTRAIT = Path(__file__).with_name("golden") / "portrait.heic"
PLACES = {"top-left": (10, 10), "top-right": (85, 10), "bottom-left": (10, 54), "bottom-right": (85, 54)}


def test_a_heic_is_upright_and_becomes_a_jpeg_when_its_format_cannot_be_kept():
    result = rendered(PORTRAIT.read_bytes())

    (variant,) = result.variants
    picture = opened(variant.data)
    assert (variant.format, picture.size) == ("jpeg", (96, 64))
    assert (result.source.image_format, result.source.width, result.source.height) == ("heic", 96, 64)
    for where, color in CORNERS.items():
        assert picture.getpixel(PLACES[where]) == pytest.approx(color, abs=4)


@pytest.mark.parametrize(("name", "planes"), [("tiled.heic", 1.5), ("portrait.heic", 3.0)])
def test_the_header_of_a_heic_says_what_its_planes_take(name, planes):
    """4:2:0 as telephones write it, and 4:4:4; one byte a sample."""
    header = inspect(PORTRAIT.with_name(name).read_bytes(), LIMITS)

    assert header.decoder_bytes == planes


def test_the_time_a_heic_was_taken_is_known():
    assert rendered(PORTRAIT.read_bytes()).source.created_date == "2026-05-04T03:02:01+02:00"


@pytest.mark.parametrize("output", FORMATS)
def test_no_secret_of_a_heic_reaches_a_variant(output):
    original = PORTRAIT.read_bytes()

    variant = made(original, format=output)

    assert len(planted_in(original)) >= 8
    assert planted_in(variant.data) == set()
    assert anatomy.metadata(variant.format, variant.data) == set()


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.99])
def test_a_heic_that_breaks_off_is_corrupt(part):
    whole = PORTRAIT.read_bytes()

    with pytest.raises(CorruptImage):
        made(whole[: int(len(whole) * part)])


def test_of_a_heic_only_the_copyright_notice_is_kept_when_the_recipe_says_so():
    variant = made(PORTRAIT.read_bytes(), metadata="copyright")

    assert NOTICE.encode() in variant.data
    assert planted_in(variant.data) == set()
    assert anatomy.metadata("jpeg", variant.data) == anatomy.COPYRIGHT["jpeg"]


def test_a_heic_is_refused_from_its_header_when_it_is_too_large():
    with pytest.raises(ImageTooLarge, match=r"limits\.pixels\.heic"):
        inspect(PORTRAIT.read_bytes(), limits(pixels={"heic": 96 * 64 - 1}))


def test_a_heic_whose_parts_have_no_proper_names_is_corrupt_and_crashes_nothing():
    """pi-heif 1.4.0 ends the whole process on it: the package must not be asked."""
    whole = PORTRAIT.read_bytes()
    broken = whole.replace(b"Exif\0", b"\xe3xif\0", 1)

    assert whole.index(b"Exif\0") < whole.index(b"mdat"), "it is the name of a part"
    with pytest.raises(CorruptImage, match="heic"):
        inspect(broken, LIMITS)
