"""Marks lie where the recipe says, as large and as strong as it says, texts and logos alike."""

import io

import pytest
from PIL import Image, ImageChops, ImageFont

from processing.imaging import watermark
from processing.recipe import Color, Watermark
from tests.corpus.pictures import pixel
from tests.corpus.samples import saved
from tests.imaging.making import in_color, made

SIZE = (200, 120)
GROUND = (40, 60, 80)
MARGIN = 0.1  # of the shorter side: 12 pixels
PLACES = {
    "top-left": ("left", "top"),
    "top": ("middle", "top"),
    "top-right": ("right", "top"),
    "left": ("left", "middle"),
    "center": ("middle", "middle"),
    "right": ("right", "middle"),
    "bottom-left": ("left", "bottom"),
    "bottom": ("middle", "bottom"),
    "bottom-right": ("right", "bottom"),
}


def ground(size=SIZE, mode="RGB"):
    return saved(Image.new(mode, size, (*GROUND, 255)[: len(mode)]), "PNG")


def logo(size=(40, 20), color=(250, 250, 250, 255)):
    return saved(Image.new("RGBA", size, color), "PNG")


def marked(mark, data=None, **settings):
    return in_color(made(data or ground(), format="png", watermark=mark, **settings).data)


def touched(image):
    """The box of all pixels that are not the ground's."""
    picture = image.convert("RGB")
    return ImageChops.difference(picture, Image.new("RGB", picture.size, GROUND)).getbbox()


def solid(**settings):
    return Watermark(**{"logo": logo(), "opacity": 1.0, "margin": MARGIN, "scale": 0.2, **settings})


@pytest.mark.parametrize("place", PLACES)
def test_a_logo_lies_in_each_of_nine_places(place):
    expected = (
        {"left": 12, "middle": 80, "right": 148}[PLACES[place][0]],
        {"top": 12, "middle": 50, "bottom": 88}[PLACES[place][1]],
    )

    assert touched(marked(solid(position=place))) == (*expected, expected[0] + 40, expected[1] + 20)


@pytest.mark.parametrize("place", PLACES)
def test_a_text_lies_in_each_of_nine_places(place):
    box = touched(marked(solid(logo=None, text="© Example", position=place)))

    left, top, right, bottom = box
    assert abs(right - left - 40) <= 2  # glyphs end between pixels
    where = PLACES[place]
    if where[0] == "left":
        assert abs(left - 12) <= 1
    elif where[0] == "right":
        assert abs(right - 188) <= 1
    else:
        assert abs(left + right - 200) <= 2
    if where[1] == "top":
        assert abs(top - 12) <= 1
    elif where[1] == "bottom":
        assert abs(bottom - 108) <= 1
    else:
        assert abs(top + bottom - 120) <= 2


def test_tiles_cover_the_whole_picture_a_margin_apart():
    picture = marked(solid(position="tile"))

    is_mark = [[picture.getpixel((x, y)) != GROUND for x in range(200)] for y in range(120)]
    assert [sum(row) for row in (is_mark[20], is_mark[40])] == [4 * 40 - (12 + 3 * 52 + 40 - 200), 0]
    assert sum(row[20] for row in is_mark) == 4 * 20 - (12 + 3 * 32 + 20 - 120)
    assert not any(is_mark[5])


@pytest.mark.parametrize("scale", [0.05, 0.2, 0.5])
def test_scale_is_the_part_of_the_width(scale):
    left, top, right, bottom = touched(marked(solid(scale=scale, position="center")))

    assert right - left == round(200 * scale)
    assert bottom - top == round(100 * scale)


@pytest.mark.parametrize("scale", [0.95, 1.0])
def test_a_mark_never_gets_over_the_margin(scale):
    left, top, right, bottom = touched(marked(solid(logo=logo((40, 40)), scale=scale, position="center")))

    assert top == 12
    assert bottom == 108
    assert right - left == 96


def test_a_wide_mark_never_gets_over_the_margin_either():
    left, _, right, _ = touched(marked(solid(logo=logo((40, 4)), scale=1.0, position="center")))

    assert (left, right) == (12, 188)


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.6, 1.0])
def test_opacity_blends_the_mark_with_the_picture(opacity):
    picture = marked(solid(opacity=opacity, position="center"))

    expected = [round(250 * opacity + channel * (1 - opacity)) for channel in GROUND]
    assert all(abs(a - b) <= 2 for a, b in zip(picture.getpixel((100, 60)), expected, strict=True))


def test_a_logo_keeps_its_own_transparency():
    half = Image.new("RGBA", (40, 20), (250, 250, 250, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 20))

    assert touched(marked(solid(logo=saved(half, "PNG"), position="top-left"))) == (32, 12, 52, 32)


def test_a_text_has_its_color_and_its_outline():
    plain = marked(solid(logo=None, text="III", scale=0.6, color=Color(255, 0, 0)))
    outlined = marked(solid(logo=None, text="III", scale=0.6, color=Color(255, 0, 0), outline=Color(0, 255, 0)))

    assert (255, 0, 0) in colors(plain)
    assert (0, 255, 0) not in colors(plain)
    assert {(255, 0, 0), (0, 255, 0)} <= colors(outlined)


def test_a_text_looks_the_same_where_pillow_can_shape_texts_and_where_it_cannot(monkeypatch):
    """It can where the system has libfribidi; Lambda has none."""
    looks = []
    for can_shape in (True, False):
        monkeypatch.setattr(ImageFont.core, "HAVE_RAQM", can_shape)
        watermark._drawn.cache_clear()
        looks.append(marked(solid(logo=None, text="AVATAR Typo", scale=0.8)).tobytes())

    assert looks[0] == looks[1]


def colors(image):
    return {color for _, color in image.convert("RGB").getcolors(1 << 16)}


def test_a_transparent_picture_stays_transparent_around_its_mark():
    clear = saved(Image.new("RGBA", SIZE, (0, 0, 0, 0)), "PNG")

    picture = marked(solid(position="center"), clear)

    assert picture.getpixel((0, 0))[3] == 0
    assert picture.getpixel((100, 60)) == (250, 250, 250, 255)


def test_a_gray_picture_takes_a_colored_mark():
    gray = saved(Image.new("L", SIZE, 90), "PNG")

    picture = marked(solid(logo=logo(color=(200, 10, 10, 255)), position="center"), gray)

    assert picture.getpixel((100, 60)) == (200, 10, 10)
    assert picture.getpixel((0, 0)) == (90, 90, 90)


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (3, 3)])
@pytest.mark.parametrize(
    "mark", [solid(), solid(position="tile"), solid(logo=None, text="© Example"), solid(margin=0.5)]
)
def test_the_smallest_picture_can_carry_or_do_without_any_mark(size, mark):
    assert marked(mark, ground(size)).size == size


def test_a_margin_that_leaves_no_room_leaves_no_mark():
    assert touched(marked(solid(margin=0.5))) is None


def test_the_mark_is_laid_on_each_variant_at_its_own_size():
    large = touched(marked(solid(position="top-left")))
    small = touched(marked(solid(position="top-left"), width=100))

    assert small == tuple(side // 2 for side in large)


def test_every_frame_of_an_animation_carries_the_mark():
    frames = [Image.new("RGB", SIZE, GROUND), Image.new("RGB", SIZE, (90, 60, 80))]
    film = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, lossless=True)

    moving = Image.open(io.BytesIO(made(film, format="webp", quality=95, watermark=solid(position="center")).data))

    for number in range(2):
        moving.seek(number)
        assert all(abs(a - 250) <= 4 for a in pixel(moving.convert("RGB"), (100, 60)))
