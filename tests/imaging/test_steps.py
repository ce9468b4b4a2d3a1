"""Small rules of the pixel work, each with the picture that shows it."""

import pytest
from PIL import Image

from processing.recipe import Color
from tests.corpus import profiles, sample
from tests.corpus.files import png
from tests.corpus.pictures import cut_out, scene
from tests.corpus.samples import saved
from tests.imaging.making import difference, in_color, made, opened, rendered
from tests.imaging.test_watermark import GROUND, ground, solid, touched


@pytest.mark.parametrize(("kind", "output"), [("PNG", "png"), ("TIFF", "jpeg"), ("WEBP", "webp")])
def test_an_alpha_channel_in_which_nothing_is_transparent_is_none(kind, output):
    result = rendered(saved(scene().convert("RGBA"), kind))

    (variant,) = result.variants
    assert result.source.has_transparency is False
    assert variant.format == output
    assert opened(variant.data).mode == "RGB"


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_what_cannot_be_kept_becomes_png_where_something_is_transparent(kind):
    result = rendered(saved(cut_out(), kind))

    assert result.source.has_transparency is True
    assert result.variants[0].format == "png"


def test_a_mark_lies_on_the_padded_picture_and_not_on_the_one_inside():
    variant = made(
        ground((100, 100)),
        format="png",
        width=200,
        height=100,
        fit="pad",
        background=Color(*GROUND),
        watermark=solid(position="top-left"),
    )

    assert touched(in_color(variant.data)) == (10, 10, 50, 30)


@pytest.mark.parametrize("output", ["jpeg", "png", "webp"])
def test_a_picture_is_set_in_the_middle_of_its_canvas(output):
    variant = made(
        ground((100, 100)), format=output, quality=95, width=200, height=100, fit="pad", background=Color(200, 0, 0)
    )

    picture = opened(variant.data).convert("RGB")
    edges = [picture.getpixel((x, 50)) for x in (40, 60, 140, 160)]
    expected = [(200, 0, 0), GROUND, GROUND, (200, 0, 0)]
    assert all(
        abs(a - b) < 8 for one, other in zip(edges, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_a_canvas_can_be_transparent():
    clear = Color(0, 0, 0, 0)

    variant = made(ground((100, 100)), format="png", width=200, height=100, fit="pad", background=clear)

    picture = in_color(variant.data)
    assert picture.getpixel((10, 50)) == (0, 0, 0, 0)
    assert picture.getpixel((100, 50)) == (*GROUND, 255)


@pytest.mark.parametrize(
    ("gravity", "kept"),
    [("left", (220, 30, 30)), ("right", (30, 180, 40)), ("top-right", (30, 180, 40)), ("bottom-left", (220, 30, 30))],
)
def test_cover_keeps_the_part_that_gravity_names(gravity, kept):
    halves = Image.new("RGB", (100, 50), (220, 30, 30))
    halves.paste((30, 180, 40), (50, 0, 100, 50))

    picture = opened(made(saved(halves, "PNG"), format="png", width=50, height=50, fit="cover", gravity=gravity).data)

    assert picture.size == (50, 50)
    assert {color for _, color in picture.convert("RGB").getcolors()} == {kept}


@pytest.mark.parametrize("profile", [profiles.press(), profiles.gray(), b"", b"no profile", profiles.adobe_rgb()[:200]])
def test_a_profile_that_is_broken_or_of_another_kind_counts_as_not_there(profile):
    plain = saved(scene(), "PNG")
    odd = saved(scene(), "PNG", icc_profile=profile)

    assert made(odd).data == made(plain).data


def test_srgb_under_another_name_changes_not_one_level():
    """Most profiles are sRGB's; rounding must not make another picture of each."""
    assert made(saved(scene(), "PNG", icc_profile=profiles.srgb())).data == made(saved(scene(), "PNG")).data


def test_a_profile_of_gray_is_not_applied_to_a_picture_in_color_nor_the_other_way_round():
    gray = scene().convert("L")

    assert made(saved(gray, "PNG", icc_profile=profiles.adobe_rgb())).data == made(saved(gray, "PNG")).data


def test_gray_stays_gray_and_takes_one_band():
    assert opened(made(sample("jpeg-gray").data).data).mode == "L"
    assert opened(made(sample("png-gray").data).data).mode == "L"


@pytest.mark.parametrize("deep", [False, True])
def test_a_png_whose_one_color_is_transparent_loses_that_color_and_no_other(deep):
    two = Image.new("RGB", (8, 8), (250, 20, 20))
    two.paste((20, 20, 250), (0, 0, 4, 8))
    if deep:
        key = b"".join(bytes((value, 255 - value)) for value in (250, 20, 20))
        data = png(two, deep=True, chunks=[(b"tRNS", key)])
    else:
        data = saved(two, "PNG", transparency=(250, 20, 20))

    picture = in_color(made(data).data)

    assert picture.getpixel((6, 4))[3] == 0
    assert picture.getpixel((1, 4)) == (20, 20, 250, 255)


@pytest.mark.parametrize("name", ["bmp-rgb", "bmp-palette", "tiff-palette", "tiff-bit", "png-bit"])
def test_simple_formats_come_out_as_they_are(name):
    """libvips reads no BMP: what Pillow wrote is what it must be again."""
    original = opened(sample(name).data).convert("RGB")

    found = opened(made(sample(name).data, format="png").data).convert("RGB")

    assert difference(original, found) == (0.0, 0)


def test_the_colors_of_a_gif_stay_its_own_when_they_are_few():
    flat = Image.new("P", (30, 20), 1)
    flat.putpalette([0, 0, 0, 17, 34, 51, 200, 100, 7])
    flat.paste(2, (0, 0, 10, 20))

    picture = opened(made(saved(flat, "GIF")).data).convert("RGB")

    assert {color for _, color in picture.getcolors()} == {(17, 34, 51), (200, 100, 7)}
