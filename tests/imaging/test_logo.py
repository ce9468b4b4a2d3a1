"""A logo is read as an original is: any PNG, of any depth, upright, in sRGB."""

import struct

import pytest
from PIL import Image

from tests.corpus import profiles
from tests.corpus.files import chunk, deep_png
from tests.corpus.samples import saved
from tests.imaging.making import in_color, made
from tests.imaging.test_profiles import cicp, gamma, shown
from tests.imaging.test_watermark import GROUND, ground, solid, touched

ORANGE = (200, 100, 50)
SIZE = (40, 20)
MIDDLE = (100, 60)


def marked(logo):
    """A ground of 200 x 120 pixels with the logo in its middle, 40 pixels wide."""
    return in_color(made(ground(), format="png", watermark=solid(logo=logo, position="center")).data)


def deep(color_type, pixel, *chunks):
    return deep_png(color_type, [list(pixel) * SIZE[0]] * SIZE[1], *chunks)


def key(*values):
    return b"tRNS", struct.pack(f">{len(values)}H", *values)


def palette(alpha=None):
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, *ORANGE])
    return saved(image, "PNG", **({} if alpha is None else {"transparency": bytes((255, alpha))}))


LOGOS = {
    "16 bits of gray": (deep(0, (0x6480,)), (0x64,) * 3),
    "16 bits of dark gray": (deep(0, (0x0180,)), (1,) * 3),
    "16 bits of gray with alpha": (deep(4, (0x6480, 0xFFFF)), (0x64,) * 3),
    "16 bits of color": (deep(2, (0xC880, 0x6480, 0x3280)), ORANGE),
    "16 bits of color with alpha": (deep(6, (0xC880, 0x6480, 0x3280, 0xFFFF)), ORANGE),
    "16 bits, transparent": (deep(6, (0xC880, 0x6480, 0x3280, 0)), GROUND),
    "16 bits with a transparent color": (deep(2, (0xC880, 0x6480, 0x3280), key(0xC880, 0x6480, 0x3280)), GROUND),
    "16 bits with another one": (deep(2, (0xC880, 0x6480, 0x3280), key(0xC880, 0x6480, 0x3281)), ORANGE),
    "16 bits of gray with a transparent one": (deep(0, (0x6480,), key(0x6480)), GROUND),
    "a palette": (palette(), ORANGE),
    "a transparent palette": (palette(0), GROUND),
    "gray with alpha": (saved(Image.new("LA", SIZE, (100, 255)), "PNG"), (100,) * 3),
    "one bit": (saved(Image.new("1", SIZE, 1), "PNG"), (255,) * 3),
    "gray with a gamma": (deep(0, (0x6464,), gamma(1.0)), (167,) * 3),
}


@pytest.mark.parametrize("name", LOGOS)
def test_a_png_of_every_kind_has_its_color(name):
    logo, expected = LOGOS[name]

    assert marked(logo).getpixel(MIDDLE) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_logo_is_upright(orientation):
    image = Image.new("RGB", (20, 40) if orientation >= 5 else (40, 20), ORANGE)
    tags = Image.Exif()
    tags[0x0112] = orientation

    left, top, right, bottom = touched(marked(saved(image, "PNG", exif=tags)))

    assert (right - left, bottom - top) == (40, 20)


def test_the_profile_of_a_logo_is_used():
    image = Image.new("RGB", SIZE, ORANGE)
    by_profile, plain = saved(image, "PNG", icc_profile=profiles.adobe_rgb()), saved(image, "PNG")
    by_numbers = plain[:33] + chunk(*cicp(12, 13)) + plain[33:]

    assert marked(by_profile).getpixel(MIDDLE) == shown(by_profile) != ORANGE
    assert marked(by_numbers).getpixel(MIDDLE) == shown(by_numbers) != ORANGE
    assert marked(plain).getpixel(MIDDLE) == ORANGE
