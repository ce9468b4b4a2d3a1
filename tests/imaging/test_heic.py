"""HEIC, where the package that reads it is installed: upright, clean, and in a format that browsers show."""

from pathlib import Path

import pytest

from processing.errors import CorruptImage, ImageTooLarge
from processing.imaging import inspect
from tests.corpus import CORNERS, NOTICE, SIZE, planted_in
from tests.imaging import anatomy
from tests.imaging.making import FORMATS, LIMITS, limits, made, opened, rendered
from tests.imaging.test_orientation import shows

pytest.importorskip("pi_heif")
TURNED = (Path(__file__).parent / "golden" / "turned.heic").read_bytes()


def test_it_comes_out_upright_as_jpeg():
    result = rendered(TURNED)

    (variant,) = result.variants
    assert (variant.format, opened(variant.data).size) == ("jpeg", SIZE)
    assert (result.source.image_format, result.source.created_date) == ("heic", "2026-05-04T03:02:01+02:00")
    assert shows(opened(variant.data), CORNERS)


@pytest.mark.parametrize("output", FORMATS)
def test_no_secret_of_it_reaches_a_variant(output):
    stripped, kept = (made(TURNED, format=output, metadata=metadata) for metadata in ("strip", "copyright"))

    assert planted_in(TURNED) >= {"artist", "makernote", "gpsdatum", "latitude", "xmp"}
    assert planted_in(stripped.data) == planted_in(kept.data) == set()
    assert anatomy.metadata(stripped.format, stripped.data) == set()
    assert NOTICE.encode() in kept.data


def test_it_is_refused_from_its_header_when_it_is_too_large():
    with pytest.raises(ImageTooLarge, match=r"limits\.pixels\.heic"):
        inspect(TURNED, limits(pixels={"heic": 96 * 64 - 1}))


@pytest.mark.parametrize("part", [0.05, 0.5, 0.95])
def test_a_truncated_one_is_corrupt(part):
    with pytest.raises(CorruptImage, match="heic"):
        rendered(TURNED[: int(len(TURNED) * part)])
    assert inspect(TURNED, LIMITS).image_format == "heic"
