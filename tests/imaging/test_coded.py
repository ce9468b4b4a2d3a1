"""The coded picture alone has the original's pixels and none of its other bytes, wherever these are."""

import io
import struct
import zlib

import pytest
from PIL import Image

from processing.imaging.coded import hides_nothing, picture_alone
from tests.corpus import planted_in, sample
from tests.corpus.files import chunk, chunks_of, png, with_blocks, with_segments
from tests.corpus.metadata import secret
from tests.corpus.pictures import cut_out, scene, stamped_out
from tests.corpus.samples import BUILDERS, film, saved
from tests.imaging import anatomy
from tests.imaging.making import frames_of, made, opened

HIDDEN = secret("hidden") * 3
KEPT = [name for name in BUILDERS if name.split("-")[0] in ("jpeg", "png", "webp", "gif")]
REFUSED = {"jpeg-progressive"}


def stripped(data, image_format):
    coded = picture_alone(image_format, data)
    return coded if coded and hides_nothing(image_format, coded) else None


def timings(data):
    image = Image.open(io.BytesIO(data))
    found = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        found.append((image.info.get("duration"), image.info.get("loop")))
    return found


@pytest.mark.parametrize("name", KEPT)
def test_every_frame_and_its_time_stay_and_every_secret_goes(name):
    original = sample(name)

    coded = stripped(original.data, original.image_format)

    if name in REFUSED:
        assert coded is None
        return
    kept, before = frames_of(coded), frames_of(original.data)
    assert len(kept) == (len(before) if original.moves else 1)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(kept, before, strict=False))
    assert opened(coded).mode == opened(original.data).mode
    assert timings(coded) == timings(original.data)[: len(kept)]
    assert planted_in(coded) == set()
    assert anatomy.metadata(original.image_format, coded) == set()
    assert len(coded) <= len(original.data)


def jpeg(**options):
    return saved(scene(), "JPEG", quality=60, **options)


def in_scan(data):
    return data[:-2] + HIDDEN + data[-2:]


def unused_table(data):
    return with_segments(data, (0xDB, b"\3" + HIDDEN.ljust(64, b".")[:64]))


def with_idat(data, change):
    parts = [(kind, change(content) if kind == b"IDAT" else content) for kind, content in chunks_of(data)]
    return data[:8] + b"".join(chunk(*part) for part in parts)


def behind_the_rows(content):
    return zlib.compress(zlib.decompress(content) + HIDDEN)


def in_webp(data, kind, change, at=12):
    """A WebP in which the content of the first chunk of a kind is changed."""
    start = data.index(kind, at)
    length = int.from_bytes(data[start + 4 : start + 8], "little")
    content = change(data[start + 8 : start + 8 + length])
    packed = kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    body = data[8:start] + packed + data[start + 8 + length + length % 2 :]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_film():
    first, options = film(lambda shift: cut_out(shift=shift))
    return saved(first, "WEBP", **options)


def sub_chunk(content):
    return content + b"JUNK" + struct.pack("<I", len(HIDDEN)) + HIDDEN + bytes(len(HIDDEN) % 2)


def behind_the_codes(data):
    """A block more behind the last code of a GIF's only frame."""
    return data[:-2] + bytes((len(HIDDEN),)) + HIDDEN + data[-2:]


def gif():
    return saved(stamped_out().quantize(40), "GIF", interlace=0)


SURVIVES_NOWHERE = {
    "in a jpeg's application segment": with_segments(jpeg(), (0xE7, HIDDEN)),
    "in a jpeg's profile": with_segments(jpeg(), (0xE2, b"ICC_PROFILE\0\1\1" + HIDDEN)),
    "in a jpeg's comment": with_segments(jpeg(), (0xFE, HIDDEN)),
    "in a jpeg's second JFIF segment": with_segments(jpeg(), (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0" + HIDDEN)),
    "in a jpeg's unused table": unused_table(jpeg()),
    "in an overwritten table": with_segments(jpeg(), (0xDB, b"\0" + HIDDEN.ljust(64, b".")[:64])),
    "behind a jpeg's last block": in_scan(jpeg()),
    "behind a progressive jpeg's last block": in_scan(jpeg(progressive=True)),
    "behind a jpeg's end": jpeg() + HIDDEN,
    "behind a png's last row": with_idat(saved(scene(), "PNG"), behind_the_rows),
    "behind a png's compressed rows": with_idat(saved(scene(), "PNG"), lambda content: content + HIDDEN),
    "in a png's suggested palette": saved(scene(), "PNG").replace(
        chunk(b"IEND", b""), chunk(b"PLTE", HIDDEN[:45]) + chunk(b"IEND", b"")
    ),
    "in a png's long end": saved(scene(), "PNG").replace(chunk(b"IEND", b""), chunk(b"IEND", HIDDEN)),
    "behind a png's end": saved(scene(), "PNG") + HIDDEN,
    "behind a webp's pixels": in_webp(saved(scene(), "WEBP"), b"VP8 ", lambda content: content + HIDDEN),
    "behind a webp's lossless pixels": in_webp(
        saved(scene(), "WEBP", lossless=True), b"VP8L", lambda content: content + HIDDEN
    ),
    "behind a webp's alpha": in_webp(saved(cut_out(), "WEBP"), b"ALPH", lambda content: content + HIDDEN),
    "in a webp's frame": in_webp(webp_film(), b"ANMF", sub_chunk),
    "behind a webp's end": saved(scene(), "WEBP") + HIDDEN,
    "in a gif's comment": with_blocks(gif(), 0xFE, b"", HIDDEN),
    "in a gif's application block": with_blocks(gif(), 0xFF, b"XMP DataXMP", HIDDEN),
    "in a gif's long loop block": with_blocks(gif(), 0xFF, b"NETSCAPE2.0", b"\1\0\0" + HIDDEN),
    "behind a gif's last code": behind_the_codes(gif()),
    "behind a gif's end": gif() + HIDDEN,
}


@pytest.mark.parametrize("place", SURVIVES_NOWHERE)
def test_hidden_bytes_are_left_out_or_the_file_is_refused(place):
    data = SURVIVES_NOWHERE[place]
    image_format = opened(data).format.lower()

    coded = stripped(data, image_format)
    variant = made(data, quality=None if image_format in ("png", "gif") else 100)

    assert planted_in(data), "the place is not in the file"
    assert coded is None or planted_in(coded) == set()
    assert planted_in(variant.data) == set()


@pytest.mark.parametrize("place", [place for place in SURVIVES_NOWHERE if "behind a" in place and "end" not in place])
def test_what_hides_behind_the_pixels_is_only_found_by_the_proof(place):
    data = SURVIVES_NOWHERE[place]
    image_format = opened(data).format.lower()

    coded = picture_alone(image_format, data)

    assert coded is None or (planted_in(coded) != set() and not hides_nothing(image_format, coded))


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_in_which_libjpeg_skips_bytes_is_refused(options):
    assert picture_alone("jpeg", jpeg(**options)) is None


def test_a_frame_that_reaches_out_of_a_gifs_screen_is_refused():
    first, options = film(lambda shift: scene(shift=shift).quantize(100))
    data = bytearray(saved(first, "GIF", **options))
    narrow = data[:6] + (50).to_bytes(2, "little") + data[8:]

    assert stripped(bytes(data), "gif")
    assert stripped(bytes(narrow), "gif") is None


def test_an_animation_whose_first_picture_does_not_play_is_refused():
    frames = [scene(shift=shift) for shift in (0, 12)]
    data = saved(scene(), "PNG", save_all=True, default_image=True, append_images=frames, duration=50)

    assert stripped(data, "png") is None


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (8, 9), (33, 1)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_the_rows_of_a_png_are_counted_to_the_byte(mode, size, interlaced):
    data = saved(scene(size).convert(mode), "PNG")
    if interlaced and mode in ("L", "LA", "RGB", "RGBA"):
        data = png(scene(size).convert(mode), interlaced=True)
    longer = with_idat(data, lambda content: zlib.compress(zlib.decompress(content) + b"x"))

    assert hides_nothing("png", picture_alone("png", data) or b"")
    assert not hides_nothing("png", picture_alone("png", longer) or b"")


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp", "gif"])
def test_a_file_that_ends_anywhere_is_refused_and_breaks_nothing(image_format):
    data = saved(scene().convert("P") if image_format == "gif" else scene(), image_format.upper())

    assert all(stripped(data[:end], image_format) is None for end in range(0, len(data) - 1, 7))
