"""The colours of a GIF: its own where they are few, near ones where they are many, kept while they do."""

import io

from PIL import Image, ImageDraw
from PIL.GifImagePlugin import GifImageFile

from processing.imaging import gif
from tests.corpus.pictures import pixel, scene
from tests.imaging.making import difference, frames_of


def written(*frames, plays=0):
    indexer = gif.Indexer()
    return gif.encode([indexer(frame) for frame in frames], [50] * len(frames), plays)


def colourful(size=(320, 240)):
    """More colours than a palette holds."""
    return scene(size)


def with_dot(colour, at):
    frame = colourful()
    ImageDraw.Draw(frame).ellipse((at, 150, at + 24, 174), fill=colour)
    return frame


def test_up_to_256_colours_come_back_as_they_were():
    ramp = Image.linear_gradient("L").convert("RGB").transpose(Image.Transpose.ROTATE_90)
    tinted = Image.merge(
        "RGB", (ramp.getchannel(0), ramp.getchannel(1).point(lambda level: level // 2), Image.new("L", ramp.size, 7))
    )

    (frame,) = frames_of(written(tinted))

    assert frame.convert("RGB").tobytes() == tinted.tobytes()


def test_many_colours_come_back_nearer_than_by_pillows_own_choice():
    picture = colourful()

    (ours,) = frames_of(written(picture))

    pillows = picture.quantize(256).convert("RGB")
    assert difference(ours.convert("RGB"), picture)[0] <= difference(pillows, picture)[0]


def test_a_small_thing_in_a_new_colour_keeps_its_colour():
    frames = [with_dot((250, 250, 250), 20), with_dot((255, 0, 200), 60)]

    _, second = frames_of(written(*frames))

    assert max(abs(a - b) for a, b in zip(pixel(second, (72, 162)), (255, 0, 200, 255), strict=True)) <= 12


def test_frames_that_hardly_differ_share_their_colours_and_only_the_change_is_stored():
    one, other = colourful(), colourful()
    other.putpixel((100, 100), one.getpixel((100, 101)))

    alone, both = len(written(one)), len(written(one, other))

    assert both - alone < alone / 8


def test_a_hole_is_a_hole_and_what_hides_in_it_takes_no_colour():
    picture = colourful().convert("RGBA")
    hidden = Image.effect_noise(picture.size, 90)
    picture.paste(Image.merge("RGBA", (hidden, hidden, hidden, Image.new("L", picture.size, 0))), (160, 0))

    (frame,) = frames_of(written(picture))

    left, right = (0, 0, 160, 240), (160, 0, 320, 240)
    alone = frames_of(written(colourful().crop(left)))[0]
    assert frame.getchannel("A").crop(left).getextrema() == (255, 255)
    assert frame.getchannel("A").crop(right).getextrema() == (0, 0)
    shown, best = frame.crop(left).convert("RGB"), alone.convert("RGB")
    assert difference(shown, colourful().crop(left))[0] <= 1.3 * difference(best, colourful().crop(left))[0] + 0.2


def test_what_is_half_transparent_is_there_or_not():
    picture = colourful((8, 8)).convert("RGBA")
    picture.putalpha(127)
    ImageDraw.Draw(picture).rectangle((0, 0, 3, 7), fill=(9, 9, 9, 128))

    (frame,) = frames_of(written(picture))

    assert pixel(frame, (1, 1))[3] == 255
    assert pixel(frame, (6, 1))[3] == 0


def test_a_still_is_no_animation():
    with Image.open(io.BytesIO(written(colourful()))) as image:
        assert isinstance(image, GifImageFile)
        assert image.n_frames == 1
        assert "loop" not in image.info
