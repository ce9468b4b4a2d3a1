"""The one transparent color of a PNG of 16 bits is compared by all of them: PNG, third edition, section 11.3.1.1."""

import io
import struct

import pytest
import pyvips
from PIL import Image

from tests.corpus.files import deep_png
from tests.imaging.making import in_color, made, rendered

KEY = (0x1234, 0x5678, 0x9ABC)
GRAYS = [0x1234, 0x1235, 0x1134, 0x12FF, 0xFFFF]
COLORS = [KEY, (0x1234, 0x5678, 0x9ABD), (0x1235, 0x5678, 0x9ABC), (0x1234, 0x5578, 0x9ABC), (0, 0, 0)]


def gray(key=KEY[0]):
    return deep_png(0, [GRAYS], (b"tRNS", struct.pack(">H", key)))


def colored(key=KEY):
    return deep_png(2, [[part for color in COLORS for part in color]], (b"tRNS", struct.pack(">3H", *key)))


@pytest.mark.parametrize("make", [gray, colored])
def test_only_the_exact_color_is_transparent(make):
    picture = in_color(made(make(), format="png").data)

    assert [picture.getpixel((x, 0))[3] for x in range(5)] == [0, 255, 255, 255, 255]


@pytest.mark.parametrize("make", [gray, colored])
def test_libpng_finds_the_same_pixels(make):
    by_libpng = pyvips.Image.new_from_buffer(make(), "")

    alpha = by_libpng.extract_band(by_libpng.bands - 1)
    assert [alpha(x, 0)[0] > 0 for x in range(5)] == [False, True, True, True, True]


@pytest.mark.parametrize("data", [gray(0x1200), colored((0x1200, 0x5600, 0x9A00))])
def test_a_color_that_no_pixel_has_makes_none_transparent(data):
    assert rendered(data, format="png").source.has_transparency is False


def test_the_visible_pixels_keep_their_levels():
    picture = in_color(made(colored(), format="png").data)

    assert [picture.getpixel((x, 0))[:3] for x in range(1, 5)] == [
        (0x12, 0x56, 0x9A),
        (0x12, 0x56, 0x9A),
        (0x12, 0x55, 0x9A),
        (0, 0, 0),
    ]
    assert Image.open(io.BytesIO(gray())).mode == "I;16"
