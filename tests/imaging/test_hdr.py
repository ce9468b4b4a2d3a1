"""On an HDR screen a variant looks like its original: by libvips (libultrahdr), and by the definition of gain maps.

A bound is the mean difference in stops of luminance. A map that is turned the wrong way is more than half a stop off.
"""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import pyvips
from PIL import Image, ImageOps

from processing.geometry import lay_out
from processing.imaging import watermark
from processing.recipe import Watermark
from tests.corpus import scene
from tests.corpus.gain_maps import COLORED, GRAY, KINDS, light, map_file, original, with_pictures, xmp_segment
from tests.corpus.samples import jpeg, saved
from tests.imaging.hdr import apart, by_apple, by_definition, by_vips, luminance, rendition, scaled, sdr
from tests.imaging.making import made, spec

SIZE = (640, 480)
BOUND = 0.1
WRONG = 0.5
LAYOUTS: dict[str, dict[str, Any]] = {
    "inside": {"width": 320},
    "cover": {"width": 240, "height": 320, "fit": "cover", "gravity": "top-left"},
    "pad": {"width": 300, "height": 300, "fit": "pad"},
}


def hdr_of(kind, data):
    """An original's pixels on an HDR screen, upright, worked out without libultrahdr."""
    shown = light((SIZE[0] // 2, SIZE[1] // 2), colored=KINDS[kind].numbers == COLORED)
    if "iphone" in kind:
        return by_apple(data, shown, 4.5 if kind == "iphone" else 2**1.7)
    return by_definition(data, shown, KINDS[kind].numbers)


def fitted(image, **settings):
    """The pixels as a variant shows them; a canvas has the luminance of white in SDR."""
    layout = lay_out(spec(**settings), (image.width, image.height))
    image = scaled(image, layout.frame)
    if layout.crop:
        left, top, right, bottom = layout.crop
        image = image.crop(left, top, right - left, bottom - top)
    if layout.canvas:
        left, top = ((a - b) // 2 for a, b in zip(layout.canvas, layout.frame, strict=True))
        image = image.embed(left, top, *layout.canvas, extend="background", background=[1.0])
    return image


@pytest.mark.parametrize("width", [640, 320, 160])
@pytest.mark.parametrize("kind", KINDS)
def test_a_variant_is_as_bright_as_the_original_of_each_kind(kind, width):
    data = original(kind, SIZE)
    expected = fitted(hdr_of(kind, data), width=width)

    variant = made(data, width=width).data

    assert apart(rendition(variant), expected) < BOUND
    assert apart(sdr(variant), expected) > WRONG


@pytest.mark.parametrize("kind", [kind for kind, about in KINDS.items() if about.numbers == GRAY])
def test_libultrahdr_shows_what_the_definition_says(kind):
    """Of maps in color libvips 8.18 takes the levels for sRGB, in originals as in variants."""
    variant = made(original(kind, SIZE), width=320).data

    assert apart(by_vips(variant), rendition(variant)) < 0.01


@pytest.mark.parametrize("kind", ["ultra-hdr", "iso", "iso-colored"])
def test_a_variant_is_as_bright_as_its_original_by_libvips(kind):
    data = original(kind, SIZE)

    variant = made(data, width=320).data

    assert apart(by_vips(variant), fitted(by_vips(data), width=320)) < BOUND


@pytest.mark.parametrize(("orientation", "layout"), [*product(range(1, 9), LAYOUTS)])
def test_the_map_is_turned_cropped_and_padded_with_the_picture(orientation, layout):
    data = original("ultra-hdr", SIZE, orientation=orientation)
    expected = fitted(by_vips(data), **LAYOUTS[layout])

    variant = made(data, **LAYOUTS[layout]).data

    assert apart(by_vips(variant), expected) < BOUND
    assert apart(sdr(variant), expected) > WRONG


@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_bound_would_not_let_a_map_pass_that_was_not_turned(orientation):
    """A square, so that every wrong turn has the right size."""
    picture, upright = scene((400, 400)), light((200, 200))
    right = with_pictures(saved(picture, "JPEG"), map_file(upright, xmp_segment(GRAY)))
    turn = Image.Transpose((orientation - 2) % 7)
    wrong = with_pictures(saved(picture, "JPEG"), map_file(upright.transpose(turn), xmp_segment(GRAY)))

    assert apart(by_vips(right), by_vips(wrong)) > 2 * BOUND


DARK_RANGE = replace(GRAY, low=(0.5, 0.5, 0.5))  # every level brightens: none stands for "no change"
BELOW_ZERO = replace(GRAY, low=(-3.0,) * 3, high=(-0.5,) * 3)  # every level darkens
GRAY_IN_THREE_CURVES = replace(GRAY, low=(0.0, -0.5, 0.25), gamma=(1.0, 0.8, 1.2))
RANGES = {
    "from 0": GRAY,
    "three curves": COLORED,
    "three curves for a gray map": GRAY_IN_THREE_CURVES,
    "above 0": DARK_RANGE,
    "below 0": BELOW_ZERO,
}


def bright(numbers, size=SIZE):
    """A photo with a map that is white all over, so that whatever is not neutral shines."""
    picture = Image.new("RGB" if numbers is COLORED else "L", (size[0] // 2, size[1] // 2), "white")
    return with_pictures(jpeg(scene(size)), map_file(picture, xmp_segment(numbers)))


@pytest.mark.parametrize("numbers", RANGES.values(), ids=RANGES)
def test_a_white_mark_is_no_brighter_than_white(numbers):
    mark = Watermark(logo=saved(Image.new("RGBA", (40, 30), "white"), "PNG"), scale=0.3, opacity=1, position="center")

    variant = made(bright(numbers), width=480, watermark=mark).data

    inside = luminance(rendition(variant).crop(480 // 2 - 40, 360 // 2 - 30, 80, 60))
    assert 0.9 < inside.avg() <= 1.1
    assert inside.max() < 1.25
    outside = apart(rendition(variant).crop(0, 0, 120, 90), sdr(variant).crop(0, 0, 120, 90))
    assert outside > WRONG * 0.8


MARKS = {
    "text": Watermark(text="© Example", opacity=1),
    "large text": Watermark(text="© Example", opacity=1, scale=0.5, position="top"),
    "tiles": Watermark(text="© Example", opacity=1, scale=0.2, position="tile"),
    "logo": Watermark(logo=saved(Image.new("RGBA", (40, 30), "white"), "PNG"), opacity=1, scale=0.3),
}


@pytest.mark.parametrize("width", [480, 1000])
@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_no_stroke_and_no_tile_of_a_mark_shines(mark, width):
    """Where it covers a pixel all over; without its mark the picture has 5.7 times white there."""
    variant = made(bright(GRAY, (1000, 750)), width=width, watermark=mark).data

    light_of_variant = rendition(variant)
    mask = watermark.coverage((light_of_variant.width, light_of_variant.height), mark)
    solid = (pyvips.Image.new_from_memory(mask.tobytes(), *mask.size, 1, "uchar") == 255) / 255
    within = luminance(light_of_variant) * solid
    assert solid.avg() > 0
    assert 0.9 < within.avg() / solid.avg() < 1.1
    assert (within > 1.2).avg() / 255 / solid.avg() < 0.05


def test_a_mark_that_half_covers_takes_half_of_the_light():
    mark = Watermark(logo=saved(Image.new("RGBA", (40, 30), "white"), "PNG"), scale=0.5, opacity=0.5, position="center")

    variant = made(bright(GRAY), width=480, watermark=mark).data

    middle = (200, 150, 80, 60)
    assert apart(rendition(variant).crop(*middle), sdr(variant).crop(*middle)) == pytest.approx(2.5 / 2, abs=0.1)


@pytest.mark.parametrize("numbers", RANGES.values(), ids=RANGES)
def test_a_canvas_is_as_bright_as_without_the_map(numbers):
    variant = made(bright(numbers), width=480, height=600, fit="pad").data

    for top in (0, 600 - 80):  # the picture is 360 high, from 120 on; the map is coded in blocks of 8 x 4 pixels
        assert 0.97 < luminance(rendition(variant).crop(0, top, 480, 80)).avg() < 1.03


@pytest.mark.parametrize("numbers", RANGES.values(), ids=RANGES)
def test_a_wider_range_changes_no_pixel_of_the_picture(numbers):
    shown = ImageOps.grayscale(light((320, 240))) if numbers is not COLORED else light((320, 240), colored=True)
    data = with_pictures(jpeg(scene(SIZE), subsampling=0), map_file(shown, xmp_segment(numbers)))
    expected = fitted(by_definition(data, shown, numbers), width=320, height=320, fit="pad")

    variant = made(data, width=320, height=320, fit="pad").data

    assert apart(rendition(variant), expected) < BOUND


def test_the_picture_of_an_original_by_libultrahdr_itself_keeps_its_light():
    """Its own writer, from pixels in linear light; the picture is in Display P3."""
    ramp = pyvips.Image.xyz(*SIZE)
    across, down = ramp[0] / SIZE[0], ramp[1] / SIZE[1]
    linear = (across * 4).bandjoin([across * 3.5, down * 2]).cast("float").copy(interpretation="scrgb")
    data = linear.uhdrsave_buffer(Q=95)

    variant = made(data, width=320).data

    assert apart(by_vips(variant), fitted(by_vips(data), width=320)) < BOUND
