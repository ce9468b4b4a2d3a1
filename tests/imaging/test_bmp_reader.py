"""BMP: a fourth sample that is never used, and color spaces, as Chromium shows them."""

import struct

import pytest
from PIL import Image

from tests.corpus import profiles
from tests.corpus.files import bmp
from tests.corpus.samples import saved
from tests.imaging.making import in_color, made, rendered
from tests.imaging.test_profiles import ORANGE, P3_POINTS, SRGB_POINTS, by_vips, patch, shown

EMBEDDED, LINKED, WINDOWS, CALIBRATED = 0x4D424544, 0x4C494E4B, 0x57696E20, 0


def numbers(points, exponent):
    """End points as CIE 1931 x, y and z, of 2.30 bits; exponents of 16.16."""
    ends = [(x, y, 1 - x - y) for x, y in zip(points[2::2], points[3::2], strict=True)]
    return struct.pack("<9I3I", *(round(part * 2**30) for end in ends for part in end), *[round(exponent * 65536)] * 3)


def with_alpha(*levels):
    image = Image.new("RGBA", (len(levels), 1))
    for x, level in enumerate(levels):
        image.putpixel((x, 0), (*ORANGE, level))
    return image


@pytest.mark.parametrize("header", [56, 108, 124])
def test_a_picture_whose_every_pixel_is_transparent_is_opaque(header):
    result = rendered(bmp(with_alpha(0, 0, 0), header=header), format="png")

    assert in_color(result.variants[0].data).getpixel((1, 0)) == ORANGE
    assert result.source.has_transparency is False


@pytest.mark.parametrize("header", [56, 108, 124])
def test_a_picture_with_one_visible_pixel_keeps_its_alpha(header):
    picture = in_color(made(bmp(with_alpha(0, 0, 9, 255), header=header), format="png").data)

    assert [picture.getpixel((x, 0))[3] for x in range(4)] == [0, 0, 9, 255]


def test_an_embedded_profile_is_used():
    icc = profiles.adobe_rgb()

    result = rendered(bmp(patch(), space=EMBEDDED, icc=icc), format="png")

    expected = shown(saved(patch(), "PNG", icc_profile=icc))
    assert in_color(result.variants[0].data).getpixel((5, 5)) == expected != ORANGE
    assert result.lost == ("wide_gamut",)


@pytest.mark.parametrize(
    "data",
    [
        bmp(patch(), space=EMBEDDED, icc=b"no profile"),
        bmp(patch(), space=EMBEDDED, icc=profiles.gray()),
        bmp(patch(), space=EMBEDDED, icc=profiles.adobe_rgb(), header=108),  # which has no room for one
        bmp(patch(), space=LINKED, icc=b"C:\\adobe.icc\0"),
        bmp(patch(), space=WINDOWS, icc=profiles.adobe_rgb()),
        bmp(patch(), space=WINDOWS, numbers=numbers(P3_POINTS, 1.0)),
        bmp(patch(), space=CALIBRATED),
    ],
    ids=["broken", "of gray", "version 4", "linked", "Windows", "Windows with numbers", "zeros"],
)
def test_without_a_profile_that_can_be_used_it_is_srgb(data):
    assert shown(data) == ORANGE


def test_the_smallest_file_has_no_room_for_colors():
    one = Image.new("RGB", (1, 1), ORANGE)

    for data in (saved(one, "BMP"), bmp(one, header=108, space=EMBEDDED)):
        assert in_color(made(data, format="png").data).getpixel((0, 0)) == ORANGE


def test_end_points_and_exponents_are_followed():
    bright = (210, 150, 120)  # where a power of 2.2 and sRGB's curve are one
    linear = [255 * (1.055 * (value / 255) ** (1 / 2.4) - 0.055) for value in ORANGE]

    p3 = bmp(patch(bright), header=108, space=CALIBRATED, numbers=numbers(P3_POINTS, 2.2))

    assert shown(p3) == pytest.approx(by_vips(bright, "p3"), abs=2)
    assert shown(p3) != bright
    assert shown(bmp(patch(), space=CALIBRATED, numbers=numbers(SRGB_POINTS, 1.0))) == pytest.approx(linear, abs=2)
    assert shown(bmp(patch(), space=CALIBRATED, numbers=numbers(SRGB_POINTS, 2.2))) == ORANGE


def test_a_palette_of_grays_takes_the_profile_of_color():
    """Pillow reads it as gray."""
    gray = saved(Image.new("L", (32, 32), 100), "BMP")
    at = int.from_bytes(gray[10:14], "little")
    more = bytes(16) + struct.pack("<I", CALIBRATED) + numbers(SRGB_POINTS, 1.0) + bytes(16)

    data = gray[:10] + struct.pack("<II", at + len(more), 40 + len(more)) + gray[18:54] + more + gray[54:]

    linear = 255 * (1.055 * (100 / 255) ** (1 / 2.4) - 0.055)
    assert shown(data) == pytest.approx([linear] * 3, abs=2)
