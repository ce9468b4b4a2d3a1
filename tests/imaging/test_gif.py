"""The colors of a GIF: its own where they are few, near ones where they are many; and only changes are stored."""

import io
import random
from itertools import groupby

import pytest
import pyvips
from PIL import Image, ImageDraw
from PIL.GifImagePlugin import GifImageFile

from processing.imaging import gif
from processing.recipe import Watermark
from tests.corpus.pictures import pixel, scene
from tests.corpus.samples import saved
from tests.imaging.making import difference, frames_of, made


def written(*frames, plays=0):
    indexer = gif.Indexer()
    return gif.encode([indexer(frame) for frame in frames], [50] * len(frames), plays)


def colorful(size=(320, 240)):
    """More colors than a palette holds."""
    return scene(size)


def with_dot(color, at):
    frame = colorful()
    ImageDraw.Draw(frame).ellipse((at, 150, at + 24, 174), fill=color)
    return frame


def test_up_to_256_colors_come_back_as_they_were():
    ramp = Image.linear_gradient("L").convert("RGB").transpose(Image.Transpose.ROTATE_90)
    tinted = Image.merge(
        "RGB", (ramp.getchannel(0), ramp.getchannel(1).point(lambda level: level // 2), Image.new("L", ramp.size, 7))
    )

    (frame,) = frames_of(written(tinted))

    assert frame.convert("RGB").tobytes() == tinted.tobytes()


def test_many_colors_come_back_nearer_than_by_pillows_own_choice():
    picture = colorful()

    (ours,) = frames_of(written(picture))

    pillows = picture.quantize(256).convert("RGB")
    assert difference(ours.convert("RGB"), picture)[0] <= difference(pillows, picture)[0]


def test_a_small_thing_in_a_new_color_keeps_its_color():
    frames = [with_dot((250, 250, 250), 20), with_dot((255, 0, 200), 60)]

    _, second = frames_of(written(*frames))

    assert max(abs(a - b) for a, b in zip(pixel(second, (72, 162)), (255, 0, 200, 255), strict=True)) <= 12


@pytest.mark.parametrize("color", [(1, 0, 0), (100, 60, 90)])
def test_a_single_pixel_in_a_new_color_keeps_it(color):
    one = Image.new("RGB", (40, 40))
    other = one.copy()
    other.putpixel((20, 20), color)

    _, second = frames_of(written(one, other))

    assert pixel(second, (20, 20)) == (*color, 255)


def test_the_colors_of_a_film_are_not_those_of_its_first_frame_alone():
    """It begins in black."""
    frames = [colorful((160, 120)).quantize(200) for _ in range(6)]
    for number, frame in enumerate(frames):
        ImageDraw.Draw(frame).rectangle((20 * number, 50, 20 * number + 12, 62), fill=number)
    black = Image.new("RGB", (160, 120)).quantize(2)
    original = saved(black, "GIF", save_all=True, append_images=frames, duration=50, loop=0)

    variant = made(original, watermark=Watermark(text="mark", scale=0.9))

    last = frames_of(variant.data)[-1].convert("RGB")
    assert len(last.getcolors() or ()) > 8


def test_frames_that_hardly_differ_share_their_colors_and_only_the_change_is_stored():
    one, other = colorful(), colorful()
    other.putpixel((100, 100), one.getpixel((100, 101)))

    alone, both = len(written(one)), len(written(one, other))

    assert both - alone < alone / 8


def test_a_hole_is_a_hole_and_what_hides_in_it_takes_no_color():
    picture = colorful().convert("RGBA")
    hidden = Image.effect_noise(picture.size, 90)
    picture.paste(Image.merge("RGBA", (hidden, hidden, hidden, Image.new("L", picture.size, 0))), (160, 0))

    (frame,) = frames_of(written(picture))

    left, right = (0, 0, 160, 240), (160, 0, 320, 240)
    alone = frames_of(written(colorful().crop(left)))[0]
    assert frame.getchannel("A").crop(left).getextrema() == (255, 255)
    assert frame.getchannel("A").crop(right).getextrema() == (0, 0)
    shown, best = frame.crop(left).convert("RGB"), alone.convert("RGB")
    assert difference(shown, colorful().crop(left))[0] <= 1.3 * difference(best, colorful().crop(left))[0] + 0.2


def test_what_is_half_transparent_is_there_or_not():
    picture = colorful((8, 8)).convert("RGBA")
    picture.putalpha(127)
    ImageDraw.Draw(picture).rectangle((0, 0, 3, 7), fill=(9, 9, 9, 128))

    (frame,) = frames_of(written(picture))

    assert pixel(frame, (1, 1))[3] == 255
    assert pixel(frame, (6, 1))[3] == 0


def test_a_still_is_no_animation():
    with Image.open(io.BytesIO(written(colorful()))) as image:
        assert isinstance(image, GifImageFile)
        assert image.n_frames == 1
        assert "loop" not in image.info


def moving_dot(*, corner, count=60, size=(320, 240)):
    """A dot that crosses a drawing of few colors, one corner of which is transparent if asked for."""
    ground = scene(size).quantize(40).convert("RGBA")
    if corner:
        ground.paste((0, 0, 0, 0), (0, 0, 8, 8))
    frames = [ground.copy() for _ in range(count)]
    for number, frame in enumerate(frames):
        ImageDraw.Draw(frame).ellipse((20 + 4 * number, 100, 40 + 4 * number, 120), fill=(255, 0, 200, 255))
    return frames


def indexed(frames):
    indexer = gif.Indexer()
    return [indexer(frame) for frame in frames]


def clear(frame):
    """A frame in RGBA whose transparent pixels are all equal."""
    shown = frame.convert("RGBA")
    shown.paste((0, 0, 0, 0), mask=shown.getchannel("A").point([255, *[0] * 255]))
    return shown.tobytes()


def blobs(seed, *, count=8, size=(60, 40)):
    """Frames in which anything may come and go, holes too."""
    rng = random.Random(seed)
    frames: list[Image.Image] = []
    for _ in range(count):
        frame = frames[-1].copy() if frames and rng.random() < 0.8 else Image.new("RGBA", size)
        for _ in range(rng.randrange(4)):
            left, top = rng.randrange(size[0]), rng.randrange(size[1])
            box = (left, top, left + rng.randrange(1, 30), top + rng.randrange(1, 30))
            fill = (rng.randrange(256), rng.randrange(256), rng.randrange(256), rng.choice((0, 255, 255)))
            frame.paste(fill, box)
        frames.append(frame)
    return frames


def test_a_transparent_corner_costs_hardly_a_byte():
    still, with_corner = (len(written(*moving_dot(corner=corner))) for corner in (False, True))

    pillows = saved(
        moving_dot(corner=False)[0].convert("RGB"),
        "GIF",
        save_all=True,
        append_images=[frame.convert("RGB") for frame in moving_dot(corner=False)[1:]],
    )
    assert with_corner <= 1.05 * still
    assert with_corner <= 1.2 * len(pillows)


@pytest.mark.parametrize("corner", [False, True])
def test_a_marked_variant_of_a_film_is_not_much_larger_than_its_original(corner):
    original = written(*moving_dot(corner=corner))

    variant = made(original, watermark=Watermark(text="M"))

    assert len(frames_of(variant.data)) == 60
    assert len(variant.data) <= 1.2 * len(original)


@pytest.mark.parametrize("seed", range(40))
def test_every_frame_is_shown_as_if_it_were_stored_whole(seed):
    frames = indexed(blobs(seed))
    whole = [clear(frame) for frame in frames]

    data = gif.encode(frames, [50] * len(frames), 0)

    shown, before = iter([clear(frame) for frame in frames_of(data)]), b""
    for frame in whole:
        before = before if frame == before else next(shown)
        assert before == frame
    assert list(shown) == []


@pytest.mark.parametrize("seed", range(10))
def test_libvips_shows_the_same_frames(seed):
    frames = indexed(blobs(seed))
    distinct = [frame for frame, _ in groupby(clear(frame) for frame in frames)]

    film = pyvips.Image.new_from_buffer(gif.encode(frames, [50] * len(frames), 0), "", n=-1)

    image = film if film.bands == 4 else film.addalpha()
    shown = Image.frombytes("RGBA", (film.width, film.height), image.write_to_memory())
    height = frames[0].height
    pages = [shown.crop((0, at, film.width, at + height)) for at in range(0, film.height, height)]
    assert [clear(page) for page in pages] == distinct


def test_a_frame_that_changes_nothing_prolongs_the_one_before_it():
    one, other = colorful((40, 30)), colorful((40, 30)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    with GifImageFile(io.BytesIO(written(one, one, other, other, other))) as image:
        durations = []
        for number in range(image.n_frames):
            image.seek(number)
            durations.append(image.info["duration"])

    assert durations == [100, 150]


def test_frames_with_the_same_few_colors_share_one_table():
    frames = moving_dot(corner=True, count=5)

    data = written(*frames)

    assert [data[start + 9] & 0x80 for start, _ in gif.blocks(data) if data[start] == gif.FRAME] == [0] * 5


def test_a_table_is_no_longer_than_its_colors_need():
    two = Image.new("RGB", (40, 30), (9, 9, 9))
    two.paste((200, 0, 0), (5, 5, 20, 20))

    with Image.open(io.BytesIO(written(two))) as image:
        assert len(image.getpalette() or ()) <= 3 * 4
        assert "transparency" not in image.info


@pytest.mark.parametrize("junk", [b"\x00", b"\x99", b"\x21"])
def test_what_is_no_block_is_an_error(junk):
    data = written(colorful((8, 8)))

    with pytest.raises((ValueError, IndexError)):
        list(gif.blocks(data[:-1] + junk))
