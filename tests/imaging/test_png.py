"""The PNG writer: what it writes is read by everybody, pixel by pixel, and is hardly larger than what Pillow writes."""

import io
import random
import zlib
from itertools import pairwise

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from processing.imaging import png
from tests.corpus.files import chunks_of
from tests.corpus.pictures import cut_out, scene
from tests.corpus.samples import saved
from tests.imaging.making import opened


def drawing(size=(640, 480)):
    """Lettering on a flat area, as on a screenshot; no two lines are alike."""
    rng = random.Random(1)
    picture = Image.new("RGB", size, (250, 250, 245))
    draw = ImageDraw.Draw(picture)
    for y in range(10, size[1], 14):
        draw.text((10, y), "".join(rng.choices("abcdefgh ijklmnop qrstuvwxyz 0123", k=90)), fill=(20, 20, 60))
    return picture


def photograph(size=(640, 480)):
    """Soft shapes under a sensor's noise."""
    return Image.merge("RGB", [Image.blend(band, Image.effect_noise(size, 12), 0.2) for band in scene(size).split()])


def filters_of(data):
    """The filter's number in front of each row."""
    header = next(content for kind, content in chunks_of(data) if kind == b"IHDR")
    width, colour_type = int.from_bytes(header[:4], "big"), header[9]
    rows = zlib.decompress(b"".join(content for kind, content in chunks_of(data) if kind == b"IDAT"))
    return set(rows[:: width * {0: 1, 2: 3, 6: 4}[colour_type] + 1])


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 300)),
    mode=st.sampled_from(["L", "RGB", "RGBA"]),
    effort=st.one_of(st.none(), st.integers(0, 9)),
)
def test_every_pixel_comes_back(size, mode, effort):
    picture = cut_out(size).convert(mode)

    data = png.encode(picture, effort=effort)

    assert opened(data).mode == mode
    assert opened(data).tobytes() == picture.tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("make", [drawing, photograph])
def test_libvips_reads_the_same_pixels(make, mode):
    picture = make().convert(mode)

    read = pyvips.Image.new_from_buffer(png.encode(picture, effort=None), "", fail_on="warning")

    assert read.write_to_memory() == picture.tobytes()


def test_a_photograph_is_filtered_and_a_drawing_is_not():
    assert filters_of(png.encode(photograph(), effort=None)) == {png.UP}
    assert filters_of(png.encode(drawing(), effort=None)) == {png.NONE}


@pytest.mark.parametrize("make", [drawing, photograph])
def test_a_file_is_hardly_larger_than_pillows(make):
    picture = make()

    assert len(png.encode(picture, effort=None)) <= 1.1 * len(saved(picture, "PNG"))


@pytest.mark.parametrize("make", [drawing, photograph])
def test_more_effort_makes_no_larger_file(make):
    picture = make()

    sizes = [len(png.encode(picture, effort=effort)) for effort in (0, 1, 6, 9)]

    assert all(later <= 1.02 * earlier for earlier, later in pairwise(sizes))
    assert sizes[0] > picture.width * picture.height * 3  # effort 0 stores


def test_a_file_has_no_chunk_that_was_not_asked_for():
    kinds = [kind for kind, _ in chunks_of(png.encode(scene(), effort=None))]

    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_exif_stands_before_the_pixels_where_readers_look_for_it():
    tags = Image.Exif()
    tags[0x8298] = "(c) me"
    data = png.encode(scene(), effort=None, exif=tags.tobytes().removeprefix(b"Exif\0\0"))

    with Image.open(io.BytesIO(data)) as image:
        assert dict(image.getexif()) == {0x8298: "(c) me"}
