"""Moving pictures: every frame, its time and the loops are kept where the format can, and what is lost is said."""

import io
import struct

import pytest
from PIL import Image, ImageSequence

from processing.imaging import avif, render
from tests.corpus import sample
from tests.corpus.pictures import cut_out, pixel, scene
from tests.corpus.samples import DURATIONS, film, saved
from tests.imaging.making import decoded, difference, frames_of, made, opened, recipe, rendered, spec

MOVES = [
    ("gif-animated", "keep"),
    ("gif-animated", "webp"),
    ("gif-animated", "png"),
    ("gif-animated", "avif"),
    ("gif-animated-alpha", "keep"),
    ("gif-animated-alpha", "webp"),
    ("webp-animated", "keep"),
    ("webp-animated", "png"),
    ("webp-animated-alpha", "keep"),
    ("png-animated", "keep"),
    ("png-animated", "webp"),
    ("png-animated-alpha", "keep"),
    ("avif-animated", "keep"),
    ("avif-animated", "webp"),
]
NEAR = {"gif": 4, "png": 1, "webp": 3, "avif": 4, "jpeg": 3}  # mean levels of luma: palettes and lossy coding


def shown(frame):
    """The luma of what is seen of a frame on gray; color is subsampled by most lossy formats."""
    ground = Image.new("RGBA", frame.size, (128, 128, 128, 255))
    ground.alpha_composite(frame.convert("RGBA"))
    return ground.convert("L")


def timings(data):
    image = Image.open(io.BytesIO(data))
    found = []
    for frame in ImageSequence.Iterator(image):
        frame.load()
        found.append(round(frame.info["duration"]))
    return tuple(found)


@pytest.mark.parametrize(("name", "output"), MOVES)
def test_every_frame_moves_on_as_in_the_original(name, output):
    result = rendered(sample(name).data, format=output)

    (variant,) = result.variants
    before, after = frames_of(sample(name).data), frames_of(variant.data)
    assert result.lost == ()
    assert result.source.frames == len(after) == 3
    assert timings(variant.data) == DURATIONS
    for number, frame in enumerate(after):
        apart = [difference(shown(each), shown(frame))[0] for each in before]
        assert apart[number] < NEAR[variant.format]
        assert apart.index(min(apart)) == number, "it is another frame"


@pytest.mark.parametrize(("name", "output"), MOVES)
def test_frames_are_made_smaller_one_by_one(name, output):
    variant = made(sample(name).data, format=output, width=48, height=48)

    frames = frames_of(variant.data)
    assert {frame.size for frame in frames} == {(48, 32)}
    for one, other in zip(frames_of(sample(name).data), frames, strict=True):
        small = shown(one).resize((48, 32), Image.Resampling.LANCZOS)
        assert difference(small, shown(other))[0] < NEAR[variant.format]


def played(data):
    """How often, 0 for ever: a GIF says how often it is repeated, and nothing for once."""
    image = Image.open(io.BytesIO(data))
    count = avif.plays(data) if image.format == "AVIF" else image.info.get("loop")
    if image.format != "GIF":
        return count
    return 1 if count is None else count + 1 if count else 0


WAYS = [
    ("gif", "keep"),
    ("gif", "webp"),
    ("gif", "png"),
    ("webp", "keep"),
    ("webp", "png"),
    ("png", "keep"),
    ("png", "webp"),
    ("gif", "avif"),
    ("webp", "avif"),
    ("png", "avif"),
    ("avif", "keep"),
    ("avif", "webp"),
    ("avif", "png"),
]


@pytest.mark.parametrize("times", [0, 1, 2, 5])
@pytest.mark.parametrize(("source", "output"), WAYS)
def test_it_plays_as_often_as_the_original(source, times, output):
    first, options = film(lambda shift: scene(shift=shift))
    del options["loop"]
    loop = {"loop": times}
    if source == "gif":
        loop = {} if times == 1 else {"loop": max(times - 1, 0)}
    original = saved(first, source.upper(), **options, **({} if source == "avif" else loop))
    if source == "avif":
        original = avif.finished(original, times)

    variant = made(original, format=output)

    assert played(original) == times
    assert played(variant.data) == times


@pytest.mark.parametrize(
    ("change", "times"),
    [
        ((b"edts", b"skip"), 0),  # no edit list, as in older files
        ((b"elst\x01\0\0\x01", b"elst\x01\0\0\0"), 1),  # one that is not repeated
    ],
)
def test_an_avif_without_a_count_plays_as_in_browsers(change, times):
    first, options = film(lambda shift: scene(shift=shift))
    data = saved(first, "AVIF", **options).replace(*change)

    assert decoded(data).plays == times


@pytest.mark.parametrize(("whole", "expected"), [(0, 0), (150, 3), (0xFFFFFFFF, 0)])
def test_the_count_is_read_from_boxes_with_short_numbers_too(whole, expected):
    """Of version 0, which libavif reads and does not write."""
    track = b"tkhd" + bytes(4 + 8 + 8) + whole.to_bytes(4, "big")
    edits = b"elst" + b"\0\0\0\1" + struct.pack(">3I", 1, 50, 0)

    assert avif.plays(b"moov" + track + edits) == expected


@pytest.mark.parametrize("plays", [2.5, 2.1])
def test_a_part_of_a_play_is_one(plays):
    first, options = film(lambda shift: scene(shift=shift))
    data = bytearray(saved(first, "AVIF", **options))
    at = data.index(b"tkhd") + 32
    data[at : at + 8] = round(sum(DURATIONS) * plays).to_bytes(8, "big")

    assert decoded(bytes(data)).plays == 3


@pytest.mark.parametrize("name", ["gif-animated", "webp-animated", "png-animated", "avif-animated"])
def test_where_nothing_can_move_the_first_frame_is_shown_and_the_loss_is_said(name):
    result = rendered(sample(name).data, format="jpeg", quality=95)

    picture = opened(result.variants[0].data)
    assert result.lost == ("animation",)
    assert difference(shown(frames_of(sample(name).data)[0]), shown(picture))[0] < NEAR["jpeg"]


def test_the_loss_is_said_when_one_variant_of_several_cannot_move():
    both = recipe(spec("moves", format="webp"), spec("stands", format="jpeg"))

    result = render(sample("gif-animated").data, both)

    assert result.lost == ("animation",)
    assert [len(frames_of(each.data)) for each in result.variants] == [3, 1]


def test_a_still_has_no_animation_to_lose():
    assert rendered(sample("gif-still").data, format="jpeg").lost == ()


def test_frames_that_are_stored_as_what_changed_are_whole_in_a_variant():
    """A small dot on a scene: an encoder stores the dot's box alone."""
    frames = [scene().quantize(200) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste(0, (number * 10, 4, number * 10 + 6, 10))
    original = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)

    after = frames_of(made(original, format="webp", quality=95).data)

    for one, other in zip(frames, after, strict=True):
        assert difference(shown(one), shown(other))[0] < NEAR["webp"]


def test_a_transparent_frame_clears_the_one_before_it():
    first, second = Image.new("RGBA", (40, 40)), Image.new("RGBA", (40, 40))
    first.paste((255, 0, 0, 255), (0, 0, 20, 40))
    second.paste((0, 0, 255, 255), (20, 0, 40, 40))
    original = saved(first, "GIF", save_all=True, append_images=[second], duration=50, disposal=2)

    _, last = frames_of(made(original).data)

    assert pixel(last, (5, 5))[3] == 0
    assert last.getpixel((30, 5)) == (0, 0, 255, 255)


def test_an_animated_png_plays_without_the_picture_that_is_only_for_old_viewers():
    frames = [scene(shift=shift) for shift in (0, 12, 24)]
    cover = Image.new("RGB", scene().size, (255, 255, 0))
    original = saved(cover, "PNG", save_all=True, default_image=True, append_images=frames, duration=50, loop=0)

    after = frames_of(made(original).data)

    assert len(after) == 3
    assert difference(shown(after[0]), shown(scene()))[0] < NEAR["png"]


def test_a_frame_that_reaches_out_of_the_screen_is_cut_and_squeezes_nothing():
    red, blue = (Image.new("RGB", (40, 40), color).quantize(2) for color in ((255, 0, 0), (0, 0, 255)))
    data = bytearray(saved(red, "GIF", save_all=True, append_images=[blue], duration=50))
    second = data.index(b"\x2c", data.index(b"\x2c") + 1)
    data[second + 1 : second + 3] = (30).to_bytes(2, "little")

    result = rendered(bytes(data), format="png")

    _, last = frames_of(result.variants[0].data)
    assert (result.source.width, result.source.height) == last.size == (40, 40)
    assert [pixel(last, (x, 20))[:3] for x in (5, 25, 35)] == [(255, 0, 0), (255, 0, 0), (0, 0, 255)]


@pytest.mark.parametrize("output", ["webp", "png", "avif"])
def test_every_frame_has_the_mode_of_the_richest_one(output):
    frames = [scene().convert("RGBA"), cut_out(shift=5)]
    original = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, lossless=True)

    after = frames_of(made(original, format=output).data)

    assert after[0].getchannel("A").getextrema() == (255, 255)
    assert after[1].getchannel("A").getextrema()[0] == 0
    for one, other in zip(frames, after, strict=True):
        assert difference(shown(one), shown(other))[0] < NEAR[output]


def test_the_movie_of_an_avif_is_as_long_as_its_track():
    first, options = film(lambda shift: scene(shift=shift))

    content = avif.finished(saved(first, "AVIF", **options), 3)

    lengths = [struct.unpack_from(">Q", content, content.index(box) + at) for box, at in ((b"mvhd", 28), (b"tkhd", 32))]
    assert lengths == [(3 * sum(DURATIONS),)] * 2


def test_an_animated_avif_does_not_tell_when_it_was_made():
    content = made(sample("gif-animated").data, format="avif").data

    for box in (b"mvhd", b"tkhd", b"mdhd"):
        at = content.index(box) + 4
        assert content[at] == 1, "the version of the box whose times have 8 bytes each"
        assert content[at + 4 : at + 20] == bytes(16)
