"""The frames of animations, laid over each other: pixels worked out by hand. Chromium's own are compared elsewhere."""

import struct
from itertools import groupby

import pytest
from PIL import Image

from processing.imaging import gif_reader
from tests.corpus.animations import (
    BACKGROUND,
    PREVIOUS,
    UNSPECIFIED,
    Frame,
    apng,
    gif,
    loop_block,
    webp,
)
from tests.imaging.making import decoded, made, rendered

COLORS = {
    "R": (255, 0, 0, 255),
    "G": (0, 255, 0, 255),
    "B": (0, 0, 255, 255),
    "b": (0, 0, 255, 128),
    "p": (127, 0, 128, 255),  # b over R
    "q": (126, 0, 127, 255),  # the same, as libwebp rounds it
    ".": (0, 0, 0, 0),
}
LETTERS = {color: letter for letter, color in COLORS.items()}
INDICES = "RGB."
TABLE = b"".join(bytes(COLORS[letter][:3]) for letter in INDICES)
BLUE = bytes((255, 0, 0, 255))  # as WebP stores a background


def row(letters, at=0, *, mode="RGBA", **options):
    """A frame of one row of pixels."""
    picture = Image.new("RGBA", (len(letters), 1))
    for x, letter in enumerate(letters):
        picture.putpixel((x, 0), COLORS[letter])
    return Frame(picture.convert(mode), (at, 0), **options)


def indexed(letters, at=0, **options):
    """The same for a GIF."""
    picture = Image.frombytes("P", (len(letters), 1), bytes(INDICES.index(letter) for letter in letters))
    picture.putpalette(TABLE)
    if "." in letters:
        picture.info["transparency"] = INDICES.index(".")
    return Frame(picture, (at, 0), **options)


def letters_of(frame):
    pixels = [frame.getpixel((x, 0)) for x in range(frame.width)]
    return "".join(LETTERS.get(pixel, "?") if pixel[3] else "." for pixel in pixels)


RED, INDEXED_RED, SMALL = row("RRRR"), indexed("RRRR"), (4, 1)
COVER = row("GGGG").picture
CASES = {
    "png, half transparent over opaque": (apng([RED, row("bb", 1, over=True)]), "RRRR RppR"),
    "png, half transparent instead of opaque": (apng([RED, row("bb", 1)]), "RRRR RbbR"),
    "png, transparent over opaque": (apng([RED, row("..", 1, over=True)]), "RRRR RRRR"),
    "png, transparent instead of opaque": (apng([RED, row("..", 1)]), "RRRR R..R"),
    "png, cleared": (apng([RED, row("BB", 1, disposal=BACKGROUND), row("G")]), "RRRR RBBR G..R"),
    "png, taken back under a blended one": (
        apng([RED, row("bb", 1, over=True, disposal=PREVIOUS), row("b", over=True)]),
        "RRRR RppR pRRR",
    ),
    "png, taken back twice": (
        apng([RED, row("B", 1, disposal=PREVIOUS), row("G", 2, disposal=PREVIOUS), row("B", 3)]),
        "RRRR RBRR RRGR RRRB",
    ),
    "png, taken back after a cleared one": (
        apng([RED, row("B", 1, disposal=BACKGROUND), row("GG", 1, disposal=PREVIOUS), row("B", 3)]),
        "RRRR RBRR RGGR R.RB",
    ),
    "png, first frame taken back": (
        apng([row("RRRR", disposal=PREVIOUS), row("B", 1), row("G", 2)]),
        "RRRR .B.. .BG.",
    ),
    "png, with a cover": (apng([RED, row("B", 3)], cover=COVER), "RRRR RRRB"),
    "png, smaller than its cover": (apng([row("RR", 1), row("B", 3)], cover=COVER), ".RR. .RRB"),
    "png, half transparent over a cover": (apng([row("bbbb", over=True), row("B", 3)], cover=COVER), "bbbb bbbB"),
    "png, one frame with a cover": (apng([row("RR", 1)], cover=COVER), ".RR."),
    "gif, smaller than its screen": (gif([indexed("RR", 1)], size=SMALL), ".RR."),
    "gif, first frame smaller than its screen": (gif([indexed("RR", 1), indexed("B", 3)], size=SMALL), ".RR. .RRB"),
    "gif, transparent pixels": (gif([INDEXED_RED, indexed("B.B", 1)]), "RRRR RBRB"),
    "gif, transparent pixels in the first frame": (gif([indexed("R..R"), indexed("B", 1)]), "R..R RB.R"),
    "gif, cleared": (
        gif([INDEXED_RED, indexed("BB", 1, disposal=BACKGROUND), indexed("G")], table=TABLE, background=2),
        "RRRR RBBR G..R",
    ),
    "gif, cleared after transparent pixels": (
        gif([indexed("RRR."), indexed("B.", 1, disposal=BACKGROUND), indexed("G")]),
        "RRR. RBR. G...",
    ),
    "gif, taken back": (
        gif([INDEXED_RED, indexed("BB", 1, disposal=PREVIOUS), indexed("G")]),
        "RRRR RBBR GRRR",
    ),
    "gif, first frame taken back": (gif([indexed("RRRR", disposal=PREVIOUS), indexed("B", 1)]), "RRRR .B.."),
    "gif, a disposal is of one frame alone": (
        gif([INDEXED_RED, indexed("B", 1, disposal=BACKGROUND), indexed("G", 2, disposal=UNSPECIFIED), indexed("B")]),
        "RRRR RBRR R.GR B.GR",
    ),
    "gif, a frame without a control block": (
        gif([indexed("RRRR", disposal=BACKGROUND), indexed("B", 1, time=None), indexed("G", 2)]),
        "RRRR .B.. .BG.",
    ),
    "gif, beyond its screen": (gif([INDEXED_RED, indexed("BBB", 3)]), "RRRR RRRB"),
    "gif, outside its screen": (gif([INDEXED_RED, indexed("BBB", 9), indexed("G", 1)]), "RRRR RRRR RGRR"),
    "gif, first frame beyond its screen": (gif([indexed("RR", 3), indexed("B", 4)], size=SMALL), "...RR ...RB"),
    "gif, a screen without a size": (gif([indexed("RR"), indexed("B", 1)], size=(0, 0)), "RR RB"),
    "gif, a frame without a size": (gif([INDEXED_RED, indexed("", 1), indexed("B", 3)]), "RRRR RRRR RRRB"),
    "webp, on a background": (
        webp([row("RR"), row("BB", 2, disposal=BACKGROUND), row("G")], size=SMALL, background=BLUE),
        "RR.. RRBB GR..",
    ),
    "webp, without transparency in its header": (
        webp([row("RR", mode="RGB"), row("BB", 2, mode="RGB")], size=SMALL, background=BLUE, alpha=False),
        "RR.. RRBB",
    ),
    "webp, one frame without transparency in its header": (webp([row("RR")], size=SMALL, alpha=False), "RR.."),
    "webp, half transparent": (
        webp([RED, row("bb", 2, over=True), row("b")], size=SMALL),
        "RRRR RRqq bRqq",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_frame_is_shown_as_its_format_defines(name):
    data, expected = CASES[name]

    assert [letters_of(frame) for frame in decoded(data).frames] == expected.split()


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("webp")])
def test_a_png_of_it_shows_the_same(name):
    data, expected = CASES[name]

    variant = made(data, format="png")

    changes = [shown for shown, _ in groupby(expected.split())]
    assert [letters_of(frame) for frame in decoded(variant.data).frames] == changes


@pytest.mark.parametrize("mode", ["L", "LA", "RGB"])
@pytest.mark.parametrize("options", [{}, {"deep": True}, {"interlaced": True}, {"deep": True, "interlaced": True}])
def test_frames_of_every_kind_of_pixels_are_laid_over_each_other(mode, options):
    black, white = Image.new(mode, (9, 9)), Image.new(mode, (5, 3), (255,) * len(Image.new(mode, (1, 1)).getbands()))
    if mode == "LA":
        black.putalpha(255)

    first, second = decoded(apng([Frame(black), Frame(white, (2, 1))], **options)).frames

    expected = black.convert("RGBA")
    assert first.tobytes() == expected.tobytes()
    expected.paste((255, 255, 255, 255), (2, 1, 7, 4))
    assert second.tobytes() == expected.tobytes()


def test_interlaced_frames_of_a_gif_are_read_in_their_order():
    pictures = [Image.linear_gradient("L").resize((3, 19)).quantize(19), indexed("RGB").picture.resize((3, 9))]
    frames = [Frame(picture, (0, 4 * number)) for number, picture in enumerate(pictures)]

    shown, plain = (decoded(gif(frames, interlaced=interlaced)).frames for interlaced in (True, False))

    assert [frame.tobytes() for frame in shown] == [frame.tobytes() for frame in plain]


def test_frames_are_not_counted_beyond_the_limit():
    assert gif_reader.scan(gif([INDEXED_RED] * 9), 3) == (SMALL, 4)


def test_all_frames_have_the_one_palette_and_its_transparency():
    first, second = (Image.new("P", size, index) for size, index in (((4, 1), 0), ((2, 1), 2)))
    tables = [(b"PLTE", TABLE), (b"tRNS", bytes((255, 255, 128)))]

    frames = decoded(apng([Frame(first), Frame(second, (1, 0), over=True)], tables=tables)).frames

    assert [letters_of(frame) for frame in frames] == ["RRRR", "RppR"]


def test_a_transparent_color_is_one_in_every_frame():
    tables = [(b"tRNS", struct.pack(">3H", 0, 0, 255))]
    frames = [row("RRRR", mode="RGB"), row("GB", 1, mode="RGB", over=True), row("BB", 2, mode="RGB")]

    shown = decoded(apng(frames, tables=tables)).frames

    assert [letters_of(frame) for frame in shown] == ["RRRR", "RGRR", "RG.."]


def test_a_gray_animation_stays_gray():
    frames = [Frame(Image.new("L", (40, 40), level)) for level in (20, 90)]

    variant = made(apng(frames, plays=3), format="png", height=20)

    assert variant.data[25] == 0, "the color type"


def test_the_picture_for_viewers_without_animation_is_not_counted():
    assert rendered(apng([RED, row("B", 3)], cover=COVER)).source.frames == 2
    assert rendered(apng([RED], cover=COVER), format="jpeg").lost == ()


def test_more_frames_than_a_png_announces_are_not_shown():
    data = apng([RED, row("B", 1), row("G", 2)])
    fewer = apng([RED, row("B", 1)])
    at, end = data.index(b"acTL") - 4, data.index(b"acTL") + 16

    shown = decoded(data[:at] + fewer[at:end] + data[end:]).frames

    assert [letters_of(frame) for frame in shown] == ["RRRR", "RBRR"]


@pytest.mark.parametrize("where", ["before", "between", "after", "twice", "of another name", "behind another piece"])
def test_a_gif_may_count_its_repetitions_anywhere(where):
    plain = gif([INDEXED_RED, indexed("B", 1)])
    second = plain.index(b"\x21\xf9", plain.index(b"\x21\xf9") + 2)
    places = {
        "before": (13, loop_block(4)),
        "between": (second, loop_block(4)),
        "after": (len(plain) - 1, loop_block(4)),
        "twice": (13, loop_block(9) + loop_block(4)),
        "of another name": (13, loop_block(4, b"ANIMEXTS1.0")),
        "behind another piece": (13, loop_block(4, before=b"\x05\x02\0\0\1\0")),
    }
    at, block = places[where]

    data = plain[:at] + block + plain[at:]

    assert decoded(data).plays == 5
    assert decoded(made(data).data).plays == 5
