"""Fewer bits a pixel: none is lost where there are few colors, and otherwise only what nobody sees."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from processing.imaging import palette
from processing.imaging.palette import Palette
from tests.corpus.files import chunks_of
from tests.corpus.pictures import scene
from tests.corpus.samples import saved
from tests.imaging.making import difference, in_color, made, opened


def sketch(size=(320, 240), *, alpha=False):
    """A drawing in 21 colors, some of them half transparent if asked for."""
    picture = Image.new("RGBA", size, (250, 250, 245, 255))
    draw = ImageDraw.Draw(picture)
    rng = random.Random(3)
    for number in range(20):
        box = sorted(rng.randrange(size[0]) for _ in range(2)) + sorted(rng.randrange(size[1]) for _ in range(2))
        level = 12 * number if alpha else 255
        draw.rectangle((box[0], box[2], box[1], box[3]), fill=(number * 12, 255 - number * 9, number * 5, level))
    return picture if alpha else picture.convert("RGB")


def header_of(data):
    """Bits of a sample and color type."""
    return tuple(next(content for kind, content in chunks_of(data) if kind == b"IHDR")[8:10])


GRAY, COLOR, INDEXED, GRAY_ALPHA, COLOR_ALPHA = 0, 2, 3, 4, 6


@pytest.mark.parametrize(
    ("picture", "header"),
    [
        (scene(), (8, INDEXED)),
        (sketch(), (8, INDEXED)),
        (sketch().quantize(12).convert("RGB"), (4, INDEXED)),
        (sketch().quantize(3).convert("RGB"), (2, INDEXED)),
        (sketch(alpha=True), (8, INDEXED)),
        (Image.merge("RGB", [Image.effect_noise((64, 64), 60)] * 3), (8, GRAY)),
        (sketch().convert("1").convert("RGBA"), (1, GRAY)),
        (Image.merge("RGB", [Image.effect_noise((64, 64), 60) for _ in range(3)]), (8, COLOR)),
        (Image.merge("RGBA", [Image.effect_noise((64, 64), 60) for _ in range(4)]), (8, COLOR_ALPHA)),
    ],
)
def test_a_png_gets_the_fewest_bits_that_hold_every_pixel(picture, header):
    if picture == scene():
        picture = picture.quantize(200).convert("RGB")

    variant = made(saved(picture, "TIFF"), format="png")

    assert header_of(variant.data) == header
    shown, expected = (each.convert("RGBA").convert("RGBa") for each in (in_color(variant.data), picture))
    assert shown.tobytes() == expected.tobytes()


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    colors=st.integers(1, 256),
    seed=st.integers(0, 999),
)
def test_compact_loses_no_pixel(size, mode, colors, seed):
    rng = random.Random(seed)
    choices = [rng.randbytes(len(mode)) for _ in range(colors)]
    picture = Image.frombytes(mode, size, b"".join(rng.choice(choices) for _ in range(size[0] * size[1])))

    found = palette.compact(picture)

    restored = opened(saved(found, "PNG")).convert("RGBA")
    transparent = picture.convert("RGBA")
    for each in (restored, transparent):  # what is clear has no color
        each.paste((0, 0, 0, 0), mask=each.getchannel("A").point([255, *[0] * 255]))
    assert restored.tobytes() == transparent.tobytes()


def test_the_resized_pixels_of_a_palette_get_a_palette_again_that_is_not_seen():
    original = sketch()

    variant = made(saved(original.quantize(40), "BMP"), format="png", width=200)

    resized = made(saved(original, "WEBP", lossless=True), format="png", width=200)
    assert header_of(variant.data) == (8, INDEXED)
    assert header_of(resized.data) == (8, COLOR)
    assert difference(in_color(variant.data), in_color(resized.data))[0] < 1.5
    assert len(variant.data) < len(resized.data)


def test_black_and_white_is_resized_to_few_grays():
    original = saved(sketch().convert("1"), "PNG")

    assert header_of(made(original).data) == (1, GRAY)
    assert header_of(made(original, width=160).data)[0] <= 4


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_palette_that_would_be_seen_is_refused(mode):
    bands = [Image.effect_noise((128, 128), 90) for _ in mode]

    assert palette.near(Image.merge(mode, bands), Palette(256)) is None
    assert palette.near(Image.merge(mode, bands), Palette(256, error=255)) is not None


def test_a_window_with_a_shadow_is_nearer_than_with_pillows_octree():
    window = (20, 20, 300, 220)
    picture, edge = Image.new("RGBA", (320, 240)), Image.new("L", (320, 240))
    edge.paste(255, window)
    picture.putalpha(edge.filter(ImageFilter.GaussianBlur(6)))
    picture.paste(sketch((200, 150)).resize((280, 200), Image.Resampling.BICUBIC), window)

    ours = palette.near(picture, Palette(256, error=255))

    octree = picture.quantize(256, Image.Quantize.FASTOCTREE)
    errors = [difference(premultiplied(each), premultiplied(picture))[0] for each in (ours, octree)]
    assert errors[0] < errors[1] / 1.5


def premultiplied(image):
    return Image.merge("RGBA", image.convert("RGBA").convert("RGBa").split())
