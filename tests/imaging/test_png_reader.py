"""Metadata and broken animation frames of a PNG never decide over its pixels; broken pixels do."""

import struct
import zlib

import pytest
from PIL import Image

from processing.errors import CorruptImage, UnsupportedFormat
from tests.corpus import profiles, sample
from tests.corpus.files import chunk, chunks_of
from tests.corpus.pictures import scene
from tests.corpus.samples import TRAILER, saved
from tests.imaging.making import difference, frames_of, made, opened, rendered

PICTURE = scene()
HEADER = struct.pack(">IIBBBBB", *PICTURE.size, 8, 2, 0, 0, 0)
ROWS = b"".join(b"\0" + PICTURE.crop((0, y, PICTURE.width, y + 1)).tobytes() for y in range(PICTURE.height))
PIXELS = (b"IDAT", zlib.compress(ROWS))
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGE = 1_200_000  # unpacked bytes, more than Pillow accepts


def written(*parts: tuple[bytes, bytes], end: bytes = chunk(b"IEND", b"")) -> bytes:
    return SIGNATURE + b"".join(chunk(*part) for part in ((b"IHDR", HEADER), *parts)) + end


def with_wrong_checksum(kind: bytes, content: bytes) -> bytes:
    """A file with such a chunk before its pixels."""
    broken = bytearray(chunk(kind, content))
    broken[-1] ^= 1
    return SIGNATURE + chunk(b"IHDR", HEADER) + broken + chunk(*PIXELS) + chunk(b"IEND", b"")


def is_the_picture(data: bytes, **settings) -> bool:
    return difference(opened(made(data, format="png", **settings).data).convert("RGB"), PICTURE) == (0, 0)


METADATA = {
    "a large zTXt": (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(LARGE))),
    "a large iTXt": (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(LARGE))),
    "a zTXt of another method": (b"zTXt", b"Comment\0\1x"),
    "a profile of another method": (b"iCCP", b"name\0\1" + zlib.compress(profiles.srgb())),
    "a profile that cannot be unpacked": (b"iCCP", b"name\0\0" + bytes(20)),
    "an empty profile": (b"iCCP", b""),
    "a short gamma": (b"gAMA", b"\0\0"),
    "short primaries": (b"cHRM", bytes(31)),
    "an empty intent": (b"sRGB", b""),
    "a short resolution": (b"pHYs", bytes(8)),
    "a short transparent color": (b"tRNS", bytes(4)),
    "an empty animation": (b"acTL", b""),
    "a frame without an animation": (b"fcTL", bytes(26)),
    "frame data without an animation": (b"fdAT", b""),
    "an unknown chunk": (b"quIx", b"abc"),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_that_cannot_be_read_is_left_out(name):
    assert is_the_picture(written(METADATA[name], PIXELS))
    assert is_the_picture(written(PIXELS, METADATA[name]))


@pytest.mark.parametrize("kind", [b"tEXt", b"iCCP", b"gAMA", b"quIx", b"eXIf", b"cHRM"])
def test_a_wrong_checksum_of_metadata_decides_nothing(kind):
    assert is_the_picture(with_wrong_checksum(kind, bytes(40)))


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_wrong_checksum_of_the_picture_is_corrupt(kind):
    with pytest.raises(CorruptImage, match="checksum"):
        rendered(with_wrong_checksum(kind, HEADER if kind == b"IHDR" else bytes(3)))


def test_more_texts_than_pillow_takes_are_left_out():
    text = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 20)))

    assert is_the_picture(written(*[text] * 66, PIXELS))


def test_a_large_profile_is_still_converted():
    """Padded to more than 1 MiB, which no reader of profiles minds."""
    profile = profiles.adobe_rgb()
    large = profile + bytes(LARGE)
    packed = {size: (b"iCCP", b"name\0\0" + zlib.compress(icc)) for size, icc in (("small", profile), ("large", large))}

    assert made(written(packed["large"], PIXELS)).data == made(written(packed["small"], PIXELS)).data
    assert made(written(packed["large"], PIXELS)).data != made(written(PIXELS)).data


@pytest.mark.parametrize("end", [b"", b"\0\0", chunk(b"IEND", b"")[:6], chunk(b"IEND", b"")[:-1], b"\0\0\0\0????"])
def test_a_file_whose_end_alone_is_cut_off_is_whole(end):
    assert is_the_picture(written(PIXELS, end=end))


@pytest.mark.parametrize("end", [b"", chunk(b"IEND", b"")])
def test_pixels_that_are_cut_off_are_corrupt(end):
    half = (b"IDAT", PIXELS[1][: len(PIXELS[1]) // 2])

    with pytest.raises(CorruptImage, match="png"):
        rendered(written(half, end=end))
    with pytest.raises(CorruptImage, match="png"):
        rendered(written(end=end))


@pytest.mark.parametrize("rows", [0, 1, 32, 63])
def test_a_stream_that_ends_before_the_last_row_is_corrupt(rows):
    """Pillow leaves the others black."""
    with pytest.raises(CorruptImage, match="png"):
        rendered(written((b"IDAT", zlib.compress(ROWS[: rows * len(ROWS) // 64]))))


def test_an_interlaced_stream_that_ends_before_its_last_pass_is_corrupt():
    header, pixels = (part for part in chunks_of(sample("png-interlaced").data) if part[0] in (b"IHDR", b"IDAT"))
    raw = zlib.decompress(pixels[1])
    parts = (header, (b"IDAT", zlib.compress(raw[: len(raw) // 2])))

    with pytest.raises(CorruptImage, match="png"):
        rendered(SIGNATURE + b"".join(chunk(*part) for part in parts) + chunk(b"IEND", b""))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (9, 5)])
def test_a_picture_of_zeros_is_whole(mode, size):
    assert rendered(saved(Image.new(mode, size), "PNG")).variants


def test_apples_own_form_is_unsupported_by_its_name():
    data = SIGNATURE + chunk(b"CgBI", bytes(4)) + chunk(b"IHDR", HEADER) + chunk(*PIXELS) + chunk(b"IEND", b"")

    with pytest.raises(UnsupportedFormat, match="CgBI"):
        rendered(data)


# --- animations -----------------------------------------------------------------------------------------------------


def animation(change) -> bytes:
    """The sample, with its chunks as ``change`` returns them."""
    data = sample("png-animated").data.removesuffix(TRAILER)
    return SIGNATURE + b"".join(chunk(*part) for part in change(list(chunks_of(data))))


def changed(kind: bytes, number: int, content):
    """One chunk, counted within its kind, with another content."""

    def change(parts):
        places = [at for at, (each, _) in enumerate(parts) if each == kind]
        at = places[number]
        return [*parts[:at], (kind, content(parts[at][1])), *parts[at + 1 :]]

    return animation(change)


BROKEN_ANIMATIONS = {
    "no frames": lambda: changed(b"acTL", 0, lambda old: bytes(4) + old[4:]),
    "more frames than there are": lambda: changed(b"acTL", 0, lambda old: struct.pack(">I", 9) + old[4:]),
    "a short start": lambda: changed(b"acTL", 0, lambda old: old[:4]),
    "two starts": lambda: animation(lambda parts: [parts[0], (b"acTL", struct.pack(">II", 3, 0)), *parts[1:]]),
    "a wrong number": lambda: changed(b"fcTL", 1, lambda old: struct.pack(">I", 7) + old[4:]),
    "a frame outside": lambda: changed(b"fcTL", 1, lambda old: old[:4] + struct.pack(">I", 5_000) + old[8:]),
    "an empty frame": lambda: changed(b"fcTL", 1, lambda old: old[:4] + bytes(4) + old[8:]),
    "data that cannot be unpacked": lambda: changed(b"fdAT", 0, lambda old: old[:4] + bytes(len(old) - 4)),
    "data that ends too soon": lambda: changed(b"fdAT", -1, lambda old: old[: len(old) // 2]),
    "a frame without data": lambda: animation(
        lambda parts: [part for at, part in enumerate(parts) if part[0] != b"fdAT" or at < len(parts) - 2]
    ),
}


@pytest.mark.parametrize("name", BROKEN_ANIMATIONS)
def test_of_a_broken_animation_the_still_picture_is_shown(name):
    result = rendered(BROKEN_ANIMATIONS[name](), format="png")

    assert result.source.frames == 1
    assert "animation" in result.lost
    (frame,) = frames_of(result.variants[0].data)
    assert difference(frame, frames_of(sample("png-animated").data)[0]) == (0, 0)


def test_a_wrong_checksum_in_a_frame_leaves_the_still_picture():
    data = bytearray(sample("png-animated").data)
    data[data.index(b"fdAT") + 30] ^= 1

    assert rendered(bytes(data)).source.frames == 1


@pytest.mark.parametrize(("frame", "behind"), [(0, -8), (0, 20), (1, -8), (1, 20), (1, 300)])
def test_an_animation_that_is_cut_off_is_corrupt(frame, behind):
    """The upload was not finished: the whole file is there somewhere."""
    data = sample("png-animated").data
    places = [at for at in range(len(data)) if data.startswith(b"fdAT", at)]

    with pytest.raises(CorruptImage, match="truncated"):
        rendered(data[: places[frame] + behind])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_whole_animations_stay_animations(mode):
    frames = [scene((37, 21), shift=shift).convert(mode) for shift in (0, 9, -9)]
    data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)

    assert rendered(data).source.frames == 3
    assert rendered(data[: data.rindex(b"IEND") - 4]).source.frames == 3


def test_an_interlaced_frame_is_measured_by_its_passes():
    """Seven passes, some of them empty in a picture this small: PNG specification, section 8.2."""
    small = Image.new("L", (3, 5), 70)
    header = struct.pack(">IIBBBBB", 3, 5, 8, 0, 0, 0, 1)
    sizes = [(1, 1), (0, 1), (1, 1), (1, 2), (2, 1), (1, 3), (3, 2)]
    raw = b"".join((b"\0" + bytes((70,)) * w) * h for w, h in sizes if w and h)
    control = struct.pack(">IIIIIHHBB", 0, 3, 5, 0, 0, 1, 10, 0, 0)
    second = struct.pack(">IIIIIHHBB", 1, 3, 5, 0, 0, 1, 10, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"acTL", struct.pack(">II", 2, 0)),
        (b"fcTL", control),
        (b"IDAT", zlib.compress(raw)),
        (b"fcTL", second),
        (b"fdAT", struct.pack(">I", 2) + zlib.compress(raw)),
        (b"IEND", b""),
    ]
    data = SIGNATURE + b"".join(chunk(*part) for part in parts)

    assert rendered(data, format="png").source.frames == 2
    assert difference(frames_of(made(data, format="png").data)[0].convert("L"), small) == (0, 0)
