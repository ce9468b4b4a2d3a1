"""The preview of an image: a WebP of a few pixels that resembles it, its mean color, and nothing else of it."""

import base64
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageStat

from processing.imaging import render
from processing.imaging.encode import preview
from processing.recipe import Color, Watermark
from tests.corpus import CORNERS, NOTICE, planted_in, sample, samples, scene
from tests.corpus.metadata import exif
from tests.corpus.pictures import corners, laid, pixel
from tests.corpus.samples import BUILDERS, saved
from tests.imaging import anatomy
from tests.imaging.making import in_color, recipe, rendered, spec

RED, BLUE = (255, 0, 0), (0, 0, 255)
WITHIN = 4  # levels: the placeholder is a lossy file of quality 40


def placeholder_of(data: bytes, **settings):
    """The placeholder's file, and what it shows."""
    content = base64.b64decode(rendered(data, **settings).preview.placeholder, validate=True)
    return content, in_color(content)


def color_of(data: bytes, **settings) -> tuple[int, ...]:
    return levels(rendered(data, **settings).preview.color)


def levels(color: str) -> tuple[int, ...]:
    assert re.fullmatch("#[0-9a-f]{6}", color)
    return tuple(bytes.fromhex(color[1:]))


def halves(left, right, size=(120, 80)):
    picture = Image.new("RGBA" if len(left) == 4 else "RGB", size, right)
    picture.paste(left, (0, 0, size[0] // 2, size[1]))
    return picture


def photo(seed):
    """Soft shapes under noise, as large as a variant."""
    rng = random.Random(seed)
    soft = Image.frombytes("RGB", (6, 4), rng.randbytes(72)).resize((480, 320), Image.Resampling.BICUBIC)
    return Image.blend(soft, Image.effect_noise((480, 320), 60).convert("RGB"), 0.25)


def near(one, other, *, levels=WITHIN):
    return all(abs(a - b) <= levels for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (16, 16), (17, 15), (333, 77), (1000, 1000)])
def test_the_color_of_a_plain_picture_is_its_own(size):
    assert color_of(saved(Image.new("RGB", size, (18, 52, 171)), "PNG")) == (18, 52, 171)


def test_the_color_of_two_halves_is_between_them():
    assert near(color_of(saved(halves(RED, BLUE), "PNG")), (127.5, 0, 127.5), levels=1)


def test_a_gray_picture_has_a_gray_color():
    assert color_of(saved(Image.new("L", (50, 40), 77), "PNG")) == (77, 77, 77)


def test_what_is_transparent_does_not_count_and_what_is_half_transparent_counts_half():
    clear, half = (*BLUE, 0), (*BLUE, 128)

    assert color_of(saved(halves((*RED, 255), clear), "PNG")) == RED
    assert near(color_of(saved(halves((*RED, 255), half), "PNG")), (255 * 2 / 3, 0, 255 / 3), levels=1)


def test_a_few_visible_pixels_give_their_color():
    picture = Image.new("RGBA", (480, 480))
    for at in range(0, 480, 20):
        picture.paste((200, 100, 40, 255), (at, 0, at + 1, 480))

    assert near(color_of(saved(picture, "PNG")), (200, 100, 40), levels=2)


def test_nothing_visible_is_black():
    assert color_of(saved(Image.new("RGBA", (40, 40), (*BLUE, 0)), "PNG")) == (0, 0, 0)


@pytest.mark.parametrize("original", list(samples()), ids=lambda each: each.name)
def test_a_placeholder_is_a_small_webp_that_resembles_its_image(original):
    result = rendered(original.data, format="png")

    content = base64.b64decode(result.preview.placeholder, validate=True)
    shown = in_color(content)
    (variant,) = result.variants
    assert content[:4] + content[8:12] == b"RIFFWEBP"
    assert max(shown.size) == min(8 if shown.mode == "RGBA" else 16, max(variant.width, variant.height))
    premultiplied, whole = (each.convert("RGBA").convert("RGBa") for each in (shown, in_color(variant.data)))
    assert near(ImageStat.Stat(premultiplied).mean, ImageStat.Stat(whole).mean, levels=2 * WITHIN)


def test_a_placeholder_shows_what_is_where():
    _, shown = placeholder_of(saved(corners((300, 200)), "PNG"))

    assert shown.size == (16, 11)
    places = {"top-left": (2, 2), "top-right": (13, 2), "bottom-left": (2, 8), "bottom-right": (13, 8)}
    for where, at in places.items():
        assert near(pixel(shown, at), CORNERS[where], levels=24), where


def test_it_is_upright():
    original = saved(laid(corners((300, 200)), 6), "JPEG", exif=exif(orientation=6))
    _, shown = placeholder_of(original)

    assert shown.size == (16, 11)
    assert near(pixel(shown, (2, 2)), CORNERS["top-left"], levels=24)


def test_it_is_of_the_smallest_variant_as_that_is_cropped_and_without_its_mark():
    picture = saved(halves(RED, BLUE, (400, 100)), "PNG")
    mark = Watermark(text="MARK", scale=1, opacity=1, position="center")
    large = spec("large", width=400)
    small = spec("small", width=50, height=50, fit="cover", gravity="left", watermark=mark)

    result = render(picture, recipe(large, small))

    assert levels(result.preview.color) == RED
    assert in_color(base64.b64decode(result.preview.placeholder)).size == (16, 16)


def test_it_is_the_same_whichever_variants_are_made():
    specs = [spec("large", width=90), spec("small", width=40)]
    whole, part = (render(saved(scene(), "PNG"), recipe(*specs), only) for only in (None, ["large"]))

    assert part.preview == whole.preview


def test_a_canvas_and_a_background_are_in_it_as_in_the_variant():
    bars = {"width": 100, "height": 100, "fit": "pad", "background": Color(0, 0, 255, 255)}
    clear = saved(halves((*RED, 255), (0, 0, 0, 0)), "PNG")

    assert near(color_of(saved(Image.new("RGB", (100, 50), RED), "PNG"), **bars), (127.5, 0, 127.5), levels=1)
    assert near(color_of(clear, format="jpeg"), (255, 127.5, 127.5), levels=1)  # on white
    assert placeholder_of(clear, format="jpeg")[1].mode == "RGB"
    assert placeholder_of(clear, format="webp")[1].mode == "RGBA"


@pytest.mark.parametrize("output", ["webp", "gif", "png", "jpeg"])
def test_an_animation_is_shown_by_its_first_frame(output):
    frames = [Image.new("RGB", (60, 40), color) for color in (RED, BLUE, BLUE)]

    assert (
        color_of(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True), format=output) == RED
    )


@pytest.mark.parametrize("name", BUILDERS)
def test_no_secret_reaches_a_placeholder_whatever_the_recipe_keeps(name):
    content, _ = placeholder_of(sample(name).data, metadata="copyright")

    assert planted_in(content) == set()
    assert NOTICE.encode() not in content
    assert anatomy.metadata("webp", content) == set()


def test_the_placeholder_of_a_photo_fits_its_budget():
    """Of a picture with as much in it as a photo of nature; the budget is that of the item, see test_record."""
    lengths = sorted(len(rendered(saved(photo(seed), "JPEG")).preview.placeholder) for seed in range(9))

    assert lengths[len(lengths) // 2] <= 180
    assert lengths[-1] <= 260


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]
EXTREMES = [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (16, 17)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", EXTREMES)
def test_every_size_and_mode_has_a_preview(mode, size):
    result = rendered(saved(Image.new(mode, size, 1 if mode == "I;16" else None), "TIFF" if mode != "P" else "PNG"))

    shown = in_color(base64.b64decode(result.preview.placeholder))
    assert max(shown.size) == min(max(size), 8 if shown.mode == "RGBA" else 16)
    levels(result.preview.color)


@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    mode=st.sampled_from(["L", "RGB", "RGBA"]),
    rng=st.randoms(use_true_random=False),
)
def test_the_color_is_the_mean_of_what_is_visible(size, mode, rng):
    picture = Image.frombytes(mode, size, rng.randbytes(size[0] * size[1] * len(mode)))

    made = preview(picture)

    values = picture.convert("RGBA").tobytes()
    *bands, alpha = (values[band::4] for band in range(4))
    visible = sum(alpha) or 1
    mean = [sum(a * b for a, b in zip(band, alpha, strict=True)) / visible for band in bands]
    rounding = 1 + 255 * len(alpha) / visible / 2  # by half a level of each pixel, when it is premultiplied
    assert near(levels(made.color), mean, levels=rounding)
