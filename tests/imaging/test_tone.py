"""HDR pictures on an SDR screen: PQ and HLG by their recommendations, and what is brighter than white rolled off."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from processing.imaging import color
from processing.imaging.color import curves
from tests.imaging.making import in_color, made, opened, rendered
from tests.imaging.test_profiles import avif_with, cicp, png_with, shown

PQ, HLG = 16, 18
SPACES = {"BT.709": 1, "BT.2020": 9, "P3": 12}
PORTRAIT = Path(__file__).with_name("golden") / "portrait.heic"


def pq(light):
    """The signal of 8 bits for cd/m2, by SMPTE ST 2084 with its constants as fractions."""
    power = (light / 10_000) ** (2610 / 4096 / 4)
    return round(255 * ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 4096 * 128))


def srgb(linear):
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


def gray(level):
    return Image.new("RGB", (32, 32), (level,) * 3)


@pytest.mark.parametrize("primaries", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("light", [0, 0.5, 2, 10, 30, 60, 90])
def test_up_to_92_nits_pq_is_as_bright_as_on_a_screen_of_203(light, primaries):
    data = png_with(cicp(primaries, PQ), image=gray(pq(light)))

    seen = curves.pq_light(pq(light) / 255) / 203  # as 8 bits can say it
    assert shown(data) == pytest.approx([srgb(seen)] * 3, abs=1.5)
    assert seen * 203 == pytest.approx(light, rel=0.08, abs=0.01)


def test_diffuse_white_is_nearly_white_and_highlights_are_told_apart():
    levels = [shown(png_with(cicp(9, PQ), image=gray(pq(light))))[0] for light in (100, 203, 400, 700, 1000, 4000)]

    assert levels == pytest.approx([186, 229, 250, 254, 255, 255], abs=2)


def test_the_tone_curve_rises_and_does_not_bend_at_its_knee():
    lights = [curves.toned(curves.pq_light(step / 1000)) for step in range(760)]

    assert all(later > earlier for earlier, later in pairwise(lights[1:750]))
    slopes = [curves.pq_signal(203 * later) - curves.pq_signal(203 * earlier) for earlier, later in pairwise(lights)]
    assert max(abs(later - earlier) for earlier, later in pairwise(slopes[1:750])) < 0.00002


def test_a_light_is_the_light_of_its_signal():
    assert all(curves.pq_light(curves.pq_signal(light)) == pytest.approx(light) for light in (0.01, 1, 203, 10_000))


@pytest.mark.parametrize(("signal", "light"), [(0.75, 203), (0.5, 50.7), (1.0, 1000), (0.0, 0)])
def test_hlg_has_its_reference_levels(signal, light):
    """ITU-R BT.2408, table 1: reference white is 75 %, 203 cd/m2 on a screen of 1,000."""
    assert curves.hlg_light(signal) == pytest.approx(light, abs=0.5)


@pytest.mark.parametrize("primaries", SPACES.values(), ids=SPACES)
def test_white_of_hlg_is_as_bright_as_white_of_pq(primaries):
    hlg = shown(png_with(cicp(primaries, HLG), image=gray(191)))

    assert hlg == pytest.approx(shown(png_with(cicp(primaries, PQ), image=gray(pq(203)))), abs=2)
    assert hlg[0] == pytest.approx(229, abs=2)


def test_colors_are_converted_in_linear_light():
    """A color of BT.2020 below the knee, by ITU-R BT.2087-0."""
    to_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
    pixel = tuple(pq(light) for light in (60, 40, 30))
    linear = [curves.pq_light(level / 255) / 203 for level in pixel]
    expected = [srgb(sum(a * b for a, b in zip(row, linear, strict=True))) for row in to_709]

    assert shown(png_with(cicp(9, PQ), image=Image.new("RGB", (32, 32), pixel))) == pytest.approx(expected, abs=2)


def test_an_avif_and_a_heic_are_toned_by_their_code_points():
    avif = shown(avif_with(9, PQ, gray(pq(203))))
    heic = PORTRAIT.read_bytes()
    at = heic.index(b"colrnclx") + 8
    toned = heic[:at] + struct.pack(">HH", 9, PQ) + heic[at + 4 :]

    assert avif == pytest.approx([229] * 3, abs=3)
    assert rendered(toned).lost == ("hdr", "wide_gamut")
    one, other = (opened(made(data).data).getpixel((10, 10)) for data in (heic, toned))
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 20


def test_a_gray_png_is_toned_and_stays_gray():
    data = png_with(cicp(1, PQ), image=Image.new("L", (32, 32), pq(203)))

    assert in_color(made(data, format="png").data).getpixel((5, 5)) == pytest.approx([229] * 3, abs=2)
    assert opened(made(data, format="jpeg").data).mode == "L"


def test_hdr_is_lost_in_any_case():
    assert rendered(png_with(cicp(1, PQ))).lost == ("hdr",)
    assert rendered(avif_with(9, HLG)).lost == ("hdr", "wide_gamut")
    assert color.is_hdr("jpeg", b"") is False
