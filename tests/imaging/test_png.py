"""PNG by Pillow, with run lengths or a search for matches, whichever suits the picture."""

import io
import random
from itertools import pairwise

import pytest
import pyvips
from PIL import Image, ImageDraw

from processing.imaging.encode import FrameSequence, encode
from tests.corpus.files import chunks_of
from tests.corpus.pictures import scene
from tests.corpus.samples import saved
from tests.imaging.making import spec


def drawing(size=(640, 480)):
    """Lettering on an area whose color changes slowly, as on a screenshot; no two lines are alike."""
    rng = random.Random(1)
    picture = Image.merge("RGB", [Image.linear_gradient("L").resize(size).point(lambda v: 200 + v // 6) for _ in "RGB"])
    draw = ImageDraw.Draw(picture)
    for y in range(10, size[1], 14):
        text = "".join(rng.choices("abcdefgh ijklmnop qrstuvwxyz 0123", k=90))
        draw.text((10, y), text, fill=tuple(rng.randrange(99) for _ in "RGB"))
    return picture


def photograph(size=(640, 480)):
    """Soft shapes under a sensor's noise."""
    return Image.merge("RGB", [Image.blend(band, Image.effect_noise(size, 12), 0.2) for band in scene(size).split()])


def written(picture, effort=None, notice=None):
    return encode(FrameSequence([picture]), "png", spec(format="png", effort=effort), notice)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("make", [drawing, photograph])
def test_libvips_reads_the_same_pixels(make, mode):
    picture = make().convert(mode)

    read = pyvips.Image.new_from_buffer(written(picture), "", fail_on="warning")

    expected = picture.convert("RGB") if read.bands == 3 else picture
    assert read.write_to_memory() == expected.tobytes()


@pytest.mark.parametrize("make", [drawing, photograph])
def test_a_file_is_not_larger_than_by_either_way_alone(make):
    picture = make()

    ways = [len(saved(picture, "PNG")), len(saved(picture, "PNG", compress_type=3))]

    assert len(written(picture)) == min(ways)
    assert max(ways) > 1.005 * min(ways)


@pytest.mark.parametrize("make", [drawing, photograph])
def test_more_effort_makes_no_larger_file(make):
    sizes = [len(written(make(), effort=effort)) for effort in (0, 1, 6, 9)]

    assert all(later <= 1.02 * earlier for earlier, later in pairwise(sizes))
    assert sizes[0] > 640 * 480 * 3  # effort 0 stores


def test_a_file_has_no_chunk_that_was_not_asked_for():
    kinds = {kind for kind, _ in chunks_of(written(photograph()))}

    assert kinds == {b"IHDR", b"IDAT", b"IEND"}


def test_the_notice_stands_before_the_pixels_where_readers_look_for_it():
    with Image.open(io.BytesIO(written(scene(), notice="(c) me"))) as image:
        assert dict(image.getexif()) == {0x8298: "(c) me"}
