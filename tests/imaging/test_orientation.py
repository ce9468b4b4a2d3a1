"""Whichever way a camera was held, the picture comes out upright, in every format that can say so."""

import pytest
from PIL.PngImagePlugin import PngInfo

from processing.imaging import inspect
from tests.corpus import CORNERS, ORIENTED, SIZE, corners, oriented
from tests.corpus.files import with_segments
from tests.corpus.metadata import exif
from tests.corpus.pictures import laid
from tests.corpus.samples import saved
from tests.imaging.making import LIMITS, made, opened, rendered

NEAR = 12  # levels: lossy originals in the middle of one color
EIGHT = range(1, 9)


def corners_of(image):
    """The color in the middle of each quarter."""
    picture, (width, height) = image.convert("RGB"), image.size
    return {
        where: picture.getpixel(
            ((3 if "right" in where else 1) * width // 4, (3 if "bottom" in where else 1) * height // 4)
        )
        for where in CORNERS
    }


def shows(image, expected):
    found = corners_of(image)
    return all(abs(a - b) <= NEAR for where in expected for a, b in zip(found[where], expected[where], strict=True))


@pytest.mark.parametrize("orientation", EIGHT)
@pytest.mark.parametrize("image_format", ORIENTED)
def test_a_picture_comes_out_upright(image_format, orientation):
    result = rendered(oriented(image_format, orientation).data, format="png")

    picture = opened(result.variants[0].data)
    assert (result.source.width, result.source.height) == picture.size == SIZE
    assert shows(picture, CORNERS)


@pytest.mark.parametrize("orientation", EIGHT)
@pytest.mark.parametrize("image_format", ORIENTED)
def test_the_box_is_that_of_the_picture_as_it_is_shown(image_format, orientation):
    variant = made(oriented(image_format, orientation).data, format="png", width=24, height=24)

    assert (variant.width, variant.height) == (24, 16)
    assert shows(opened(variant.data), CORNERS)


@pytest.mark.parametrize("output", ["jpeg", "png", "webp", "avif"])
def test_a_variant_needs_no_turning(output):
    variant = made(oriented("jpeg", 6).data, format=output, metadata="copyright")

    assert opened(variant.data).getexif().get(0x0112, 1) == 1
    assert shows(opened(variant.data), CORNERS)


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_the_header_is_of_the_picture_as_it_is_stored(image_format):
    header = inspect(oriented(image_format, 6).data, LIMITS)

    assert (header.width, header.height) == SIZE[::-1]


@pytest.mark.parametrize("number", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_ignored(number):
    original = saved(corners(), "JPEG", exif=exif(number), quality=95, subsampling=0)

    assert shows(opened(made(original).data), CORNERS)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("broken", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"])
def test_broken_metadata_does_not_make_a_picture_unusable(broken):
    original = with_segments(saved(corners(), "JPEG", quality=95, subsampling=0), (0xE1, b"Exif\0\0" + broken))

    result = rendered(original)

    assert shows(opened(result.variants[0].data), CORNERS)
    assert result.source.created_date is None


def test_the_time_it_was_taken_is_read_with_its_offset():
    assert rendered(oriented("jpeg", 1).data).source.created_date == "2026-05-04T03:02:01+02:00"


def test_the_exif_of_an_older_png_is_read_from_its_text():
    """ImageMagick's way, of before PNG had a chunk for it."""
    block = exif(8)
    texts = PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=True)
    original = saved(laid(corners(), 8), "PNG", pnginfo=texts)

    assert shows(opened(made(original).data), CORNERS)


def test_only_exif_turns_a_picture_and_not_its_xmp():
    """As in browsers: https://www.w3.org/TR/css-images-3/#the-image-orientation speaks of EXIF alone."""
    packet = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"/>'
    original = with_segments(saved(corners(), "JPEG", quality=95, subsampling=0), (0xE1, packet))

    assert shows(opened(made(original, format="png").data), CORNERS)
