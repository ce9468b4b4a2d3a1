"""Frames that are held packed: what is unpacked is what was packed, and a file of it is the same."""

import io
import tracemalloc

import pytest
from PIL import Image

from processing.imaging.encode import FrameSequence, encode
from processing.imaging.reel import Film, Reel
from tests.corpus.pictures import scene
from tests.imaging.making import frames_of, spec


def reel_of(*frames: Image.Image) -> Reel:
    reel = Reel()
    for frame in frames:
        reel.append(frame)
    return reel


def moving(mode: str, count: int = 3) -> list[Image.Image]:
    picture = scene()
    frames = [picture.rotate(90 * number, expand=False).convert(mode) for number in range(count)]
    for frame in frames if mode == "RGBA" else ():
        frame.putalpha(Image.linear_gradient("L").resize(frame.size))
    return frames


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_a_packed_frame_is_the_frame(mode: str) -> None:
    frames = moving("RGB" if mode == "P" else mode)
    if mode == "P":
        frames = [frame.quantize(60) for frame in frames]
        frames[1].info["transparency"] = 3

    reel = reel_of(*frames)

    assert list(reel) == frames
    assert [reel[number].getpalette() for number in range(3)] == [frame.getpalette() for frame in frames]


def test_a_frame_that_equals_the_one_before_takes_no_memory() -> None:
    frame = Image.new("RGB", (1000, 1000))
    reel = reel_of(frame)
    tracemalloc.start()

    for _ in range(10):
        reel.append(frame)

    assert tracemalloc.get_traced_memory()[0] < 1_000_000
    tracemalloc.stop()
    assert len(reel) == 11


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_animation_has_the_bytes_that_pillow_writes_of_the_frames_themselves(mode: str) -> None:
    frames, durations = moving(mode), [40, 50, 60]
    first, *rest = frames
    out = io.BytesIO()
    first.save(
        out, "WEBP", save_all=True, append_images=rest, duration=durations, quality=80, method=2, exif=b"", loop=0
    )

    packed = encode(FrameSequence(reel_of(*frames), durations), "webp", spec(format="webp"), None)

    assert packed == out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_animated_png_shows_its_frames(mode: str) -> None:
    frames = moving(mode)

    content = encode(FrameSequence(reel_of(*frames), [40, 50, 60]), "png", spec(format="png"), None)

    assert [frame.tobytes() for frame in frames_of(content)] == [frame.convert("RGBA").tobytes() for frame in frames]


def test_frames_of_several_modes_are_played_in_the_richest() -> None:
    sequence = FrameSequence(reel_of(*moving("RGB", 1), *moving("RGBA", 1)), [10, 10])

    player = Film(sequence.frames, sequence.mode)
    player.seek(0)

    assert (player.mode, player.n_frames) == ("RGBA", 2)
    with pytest.raises(EOFError):
        player.seek(2)
    assert player.copy().convert("RGB").tobytes() == player.convert("RGB").tobytes()
    out = io.BytesIO()
    player.copy().save(out, "PNG")
    assert Image.open(io.BytesIO(out.getvalue())).mode == "RGBA"
