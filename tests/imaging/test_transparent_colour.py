"""The one transparent colour of a PNG of 16 bits is compared by all of them: PNG, third edition, section 11.3.1.1."""

import io
import struct

import pytest
import pyvips
from PIL import Image

from tests.corpus.files import deep_png
from tests.imaging.making import in_colour, made, rendered

KEY = (0x1234, 0x5678, 0x9ABC)
GREYS = [0x1234, 0x1235, 0x1134, 0x12FF, 0xFFFF]
COLOURS = [KEY, (0x1234, 0x5678, 0x9ABD), (0x1235, 0x5678, 0x9ABC), (0x1234, 0x5578, 0x9ABC), (0, 0, 0)]


def grey(key=KEY[0]):
    return deep_png(0, [GREYS], (b"tRNS", struct.pack(">H", key)))


def coloured(key=KEY):
    return deep_png(2, [[part for colour in COLOURS for part in colour]], (b"tRNS", struct.pack(">3H", *key)))


@pytest.mark.parametrize("make", [grey, coloured])
def test_only_the_exact_colour_is_transparent(make):
    picture = in_colour(made(make(), format="png").data)

    assert [picture.getpixel((x, 0))[3] for x in range(5)] == [0, 255, 255, 255, 255]


@pytest.mark.parametrize("make", [grey, coloured])
def test_libpng_finds_the_same_pixels(make):
    by_libpng = pyvips.Image.new_from_buffer(make(), "")

    alpha = by_libpng.extract_band(by_libpng.bands - 1)
    assert [alpha(x, 0)[0] > 0 for x in range(5)] == [False, True, True, True, True]


@pytest.mark.parametrize("data", [grey(0x1200), coloured((0x1200, 0x5600, 0x9A00))])
def test_a_colour_that_no_pixel_has_makes_none_transparent(data):
    assert rendered(data, format="png").source.has_transparency is False


def test_the_visible_pixels_keep_their_levels():
    picture = in_colour(made(coloured(), format="png").data)

    assert [picture.getpixel((x, 0))[:3] for x in range(1, 5)] == [
        (0x12, 0x56, 0x9A),
        (0x12, 0x56, 0x9A),
        (0x12, 0x55, 0x9A),
        (0, 0, 0),
    ]
    assert Image.open(io.BytesIO(grey())).mode == "I;16"
