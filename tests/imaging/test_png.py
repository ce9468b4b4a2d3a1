"""The PNG writer: what it writes is read by everybody, pixel by pixel, and is no larger than Pillow's."""

import io

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
    """Flat areas and lettering, as on a screenshot."""
    picture = Image.new("RGB", size, (250, 250, 245))
    draw = ImageDraw.Draw(picture)
    for y in range(10, size[1], 14):
        draw.text((10, y), "The quick brown fox jumps over the lazy dog " * 2, fill=(20, 20, 60))
    return picture


def photograph(size=(640, 480)):
    """Soft shapes under a sensor's noise."""
    grain = Image.effect_noise(size, 12)
    return Image.merge("RGB", [Image.blend(band, grain, 0.2) for band in scene(size).split()])


def filters_of(data):
    """The filter's number in front of each row."""
    import zlib

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
def test_a_file_is_no_larger_than_pillows(make):
    ours = png.encode(make(), effort=None)

    assert len(ours) <= 1.02 * len(saved(make(), "PNG"))


@pytest.mark.parametrize("make", [drawing, photograph])
def test_more_effort_makes_no_larger_file(make):
    sizes = [len(png.encode(make(), effort=effort)) for effort in (0, 1, 6, 9)]

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > make().width * make().height * 3  # effort 0 stores


def test_a_file_has_no_chunk_that_was_not_asked_for():
    kinds = [kind for kind, _ in chunks_of(png.encode(scene(), effort=None))]

    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_exif_stands_before_the_pixels_where_readers_look_for_it():
    tags = Image.Exif()
    tags[0x8298] = "(c) me"
    data = png.encode(scene(), effort=None, exif=tags.tobytes().removeprefix(b"Exif\0\0"))

    with Image.open(io.BytesIO(data)) as image:
        assert dict(image.getexif()) == {0x8298: "(c) me"}
