"""Color that a file tells in numbers: compared with libvips's own profiles, and with the arithmetic on paper."""

import struct
import zlib

import pytest
import pyvips
from PIL import Image

from processing.imaging import color
from tests.corpus import profiles
from tests.corpus.files import chunk, deep_png
from tests.corpus.pictures import scene
from tests.corpus.samples import saved
from tests.imaging.making import difference, in_color, made, opened, rendered

ORANGE = (200, 100, 50)


GRAY = Image.new("L", (32, 32), 100)


def patch(color=ORANGE):
    return Image.new("RGB", (32, 32), color)


def png_with(*chunks, image=None):
    """A PNG with these chunks in front of its pixels."""
    plain = saved(image or patch(), "PNG")
    return plain[:33] + b"".join(chunk(kind, content) for kind, content in chunks) + plain[33:]


def cicp(primaries, transfer):
    return b"cICP", bytes((primaries, transfer, 0, 1))


def avif_with(primaries, transfer, image=None):
    data = saved(image or patch(), "AVIF", quality=100, subsampling="4:4:4", speed=10, max_threads=1)
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def gamma(value):
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def chromaticity(*points):
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in points))


SRGB_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_POINTS = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def shown(data):
    return in_color(made(data, format="png").data).getpixel((5, 5))


def by_vips(color, profile):
    pixel = pyvips.Image.black(1, 1).new_from_image(list(color)).cast("uchar").copy(interpretation="srgb")
    return pixel.icc_transform("srgb", input_profile=profile)(0, 0)


@pytest.mark.parametrize("color", [ORANGE, (20, 200, 90), (128, 128, 128), (10, 20, 240)])
@pytest.mark.parametrize(
    "tell", [lambda image: png_with(cicp(12, 13), image=image), lambda image: avif_with(12, 13, image)]
)
def test_display_p3_by_its_code_points_is_display_p3(tell, color):
    assert shown(tell(patch(color))) == pytest.approx(by_vips(color, "p3"), abs=5)


def test_bt_2020_by_its_code_points_comes_out_more_saturated():
    """By ITU-R BT.2087-0, annex 2, in linear light, between two sRGB curves."""
    to_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
    color = (150, 120, 100)
    linear = [((value / 255 + 0.055) / 1.055) ** 2.4 for value in color]
    mixed = [sum(weight * value for weight, value in zip(row, linear, strict=True)) for row in to_709]
    expected = [255 * (1.055 * value ** (1 / 2.4) - 0.055) for value in mixed]

    assert shown(png_with(cicp(9, 13))) != ORANGE
    assert shown(png_with(cicp(9, 13), image=patch(color))) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("codes", [(1, 13), (1, 1), (1, 6), (2, 2), (12, 2), (22, 13)])
def test_what_is_srgb_or_unknown_is_left_as_it_is(codes):
    assert shown(png_with(cicp(*codes))) == ORANGE


@pytest.mark.parametrize("codes", [(1, 13), (1, 1), (12, 13)])
def test_for_code_points_of_srgb_no_profile_is_made(codes):
    color_of = [color.profile_of("png", png_with(cicp(*codes), image=image), image) for image in (patch(), GRAY)]

    assert [profile is None for profile in color_of] == [codes[0] == 1, True]


def test_code_points_that_are_damaged_or_for_other_than_rgb_are_ignored():
    data = png_with(cicp(12, 13))
    at = data.index(b"cICP") + 4

    assert shown(data) != ORANGE
    assert shown(data[: at + 4] + b"wrong"[:4] + data[at + 8 :]) == ORANGE
    assert shown(png_with((b"cICP", bytes((12, 13, 1, 1))))) == ORANGE
    assert shown(png_with((b"tEXt", b"Comment\0cICP\x0c\x0d\0\1"))) == ORANGE


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        ((5, 4), (0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
        ((6, 4), (0.3127, 0.3290, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07)),
        ((7, 4), (0.3127, 0.3290, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07)),
        ((11, 4), (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)),
        ((12, 4), (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)),
    ],
)
def test_code_points_are_the_primaries_of_h_273(codes, points):
    assert shown(png_with(cicp(*codes))) == shown(png_with(gamma(1 / 2.2), chromaticity(*points))) != ORANGE


def test_a_power_is_followed_too():
    expected = [255 * (1.055 * (value / 255) ** (1 / 2.4) - 0.055) for value in ORANGE]

    assert shown(png_with(cicp(1, 8))) == pytest.approx(expected, abs=2)


def from_linear(color):
    return [255 * (1.055 * (value / 255) ** (1 / 2.4) - 0.055) for value in color]


def test_gamma_and_primaries_of_an_older_png_are_followed():
    linear = from_linear(ORANGE)

    assert shown(png_with(gamma(1.0), chromaticity(*SRGB_POINTS))) == pytest.approx(linear, abs=2)
    bright = (210, 150, 120)  # where a power of 2.2 and sRGB's curve are one
    p3 = png_with(gamma(1 / 2.2), chromaticity(*P3_POINTS), image=patch(bright))
    assert shown(p3) == pytest.approx(by_vips(bright, "p3"), abs=2)
    assert shown(p3) != bright


@pytest.mark.parametrize("value", [1.0, 1 / 1.8, 0.35])
def test_gamma_alone_is_followed_with_the_primaries_of_srgb(value):
    assert shown(png_with(gamma(value))) == shown(png_with(gamma(value), chromaticity(*SRGB_POINTS))) != ORANGE


@pytest.mark.parametrize("value", [0.44, 0.4545, 0.47])
def test_gamma_alone_that_is_nearly_that_of_srgb_stands_for_it(value):
    """As libpng and Chromium have it: within 5 %."""
    assert shown(png_with(gamma(value))) == ORANGE
    dark = Image.new("L", (32, 32), 20)  # where a power of 2.2 and sRGB's curve are far apart
    assert shown(png_with(gamma(value), image=dark)) == (20,) * 3
    assert shown(png_with(gamma(value), chromaticity(*P3_POINTS), image=dark)) == (20,) * 3


@pytest.mark.parametrize("mode", ["L", "LA", "16", "key"])
@pytest.mark.parametrize("chunks", [[gamma(1.0)], [gamma(1.0), chromaticity(*P3_POINTS)], [cicp(12, 8)]])
def test_a_gray_png_follows_its_curve_and_stays_gray(mode, chunks):
    expected = from_linear([100])[0]
    if mode == "16":
        data = deep_png(0, [[100 * 257] * 32] * 32, *chunks)
    elif mode == "key":
        data = png_with((b"tRNS", b"\0\7"), *chunks, image=Image.new("L", (32, 32), 100))
    else:
        data = png_with(*chunks, image=Image.new(mode, (32, 32), (100, 255)[: len(mode)] if mode == "LA" else 100))

    variant = made(data, format="png")

    assert in_color(variant.data).getpixel((5, 5)) == pytest.approx([expected] * 3, abs=2)
    assert opened(made(data, format="jpeg").data).mode == "L" or mode in ("LA", "key")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_profile_of_gray_is_applied_to_gray_with_alpha_too(kind):
    icc = profiles.gray()
    opaque, clear = Image.new("L", (32, 32), 100), Image.new("LA", (32, 32), (100, 200))

    alone = shown(saved(opaque, kind, icc_profile=icc))
    both = shown(saved(clear, kind, icc_profile=icc))

    assert both == (*alone, 200)
    assert alone != (100, 100, 100)


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma(1 / 2.2), chromaticity(*SRGB_POINTS)],  # sRGB, as near as the two can say it
        [gamma(0)],
        [chromaticity(*P3_POINTS)],
        [(b"sRGB", b"\0"), gamma(1.0), chromaticity(*P3_POINTS)],  # sRGB is said outright
        [gamma(1.0), chromaticity(*[0.3] * 8)],  # primaries in one point
        [gamma(0.00001), chromaticity(*P3_POINTS)],
        [gamma(1.0), chromaticity(0.3127, 0, *P3_POINTS[2:])],
    ],
)
def test_a_png_that_says_srgb_or_nonsense_is_left_as_it_is(chunks):
    assert shown(png_with(*chunks)) == ORANGE


def test_of_all_that_a_png_says_code_points_come_first_then_profile_srgb_and_gamma():
    p3 = shown(png_with(cicp(12, 13)))
    adobe = shown(saved(patch(), "PNG", icc_profile=profiles.adobe_rgb()))
    srgb, old = (b"sRGB", b"\0"), (gamma(1.0), chromaticity(*P3_POINTS))

    assert len({p3, adobe, ORANGE, shown(png_with(*old))}) == 4
    assert shown(png_with(cicp(12, 13), with_profile(profiles.adobe_rgb()), srgb, *old)) == p3
    assert shown(png_with(cicp(1, 13), with_profile(profiles.adobe_rgb()), *old)) == ORANGE
    assert shown(png_with(with_profile(profiles.adobe_rgb()), srgb, *old)) == adobe
    assert shown(png_with(srgb, *old)) == ORANGE
    assert shown(png_with(cicp(2, 2), with_profile(profiles.adobe_rgb()), srgb)) == adobe  # unknown code points
    assert shown(png_with(with_profile(b"broken"), *old)) == shown(png_with(*old))


def with_profile(icc):
    return b"iCCP", b"icc\0\0" + zlib.compress(icc)


def test_the_profile_of_an_avif_goes_before_its_code_points():
    icc = profiles.adobe_rgb()
    options = {"quality": 100, "subsampling": "4:4:4", "speed": 10, "max_threads": 1}
    plain = saved(patch(), "AVIF", icc_profile=icc, **options)
    at = plain.index(b"colrnclx") + 8

    both = plain[:at] + struct.pack(">HH", 12, 13) + plain[at + 4 :]

    assert shown(both) == shown(plain) == pytest.approx(shown(saved(patch(), "PNG", icc_profile=icc)), abs=4)


def test_primaries_wider_than_srgb_are_a_loss_that_is_said():
    assert rendered(png_with(cicp(12, 13))).lost == ("wide_gamut",)
    assert rendered(png_with(cicp(1, 8))).lost == ()


def test_exif_behind_the_pixels_of_a_png_turns_it_too():
    tags = Image.Exif()
    tags[0x0112] = 6
    block = tags.tobytes().removeprefix(b"Exif\0\0")
    plain = saved(scene(), "PNG")
    late = plain[:-12] + chunk(b"eXIf", block) + plain[-12:]

    turned = in_color(made(late, format="png").data)

    assert turned.size == (64, 96)
    assert difference(turned, scene().transpose(Image.Transpose.ROTATE_270)) == (0, 0)
