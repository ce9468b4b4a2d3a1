"""A JPEG is shown only when all its pixels come from its data, and an undamaged one is never refused."""

import io
import struct
from itertools import product

import pytest
from PIL import Image, JpegImagePlugin

from processing.errors import CorruptImage, UnsupportedFormat
from processing.imaging.whole import JpegFile
from tests.corpus import files, sample
from tests.corpus.pictures import scene
from tests.corpus.samples import BUILDERS, TRAILER, saved
from tests.imaging.making import difference, made, opened, rendered

END = b"\xff\xd9"
PICTURE = scene((240, 160))
WRITTEN = {
    "baseline": saved(PICTURE, "JPEG", quality=90),
    "optimised": saved(PICTURE, "JPEG", quality=90, optimize=True),
    "subsampled": saved(PICTURE, "JPEG", quality=90, subsampling=2),
    "gray": saved(PICTURE.convert("L"), "JPEG", quality=90),
    "cmyk": saved(PICTURE.convert("CMYK"), "JPEG", quality=90),
    "restarts": saved(PICTURE, "JPEG", quality=90, restart_marker_blocks=7),
    "progressive": saved(PICTURE, "JPEG", quality=90, progressive=True),
    "progressive, gray": saved(PICTURE.convert("L"), "JPEG", quality=90, progressive=True),
    "progressive, restarts": saved(PICTURE, "JPEG", quality=90, progressive=True, restart_marker_blocks=7),
}
SCALES = (1, 2, 4, 8)
JPEGS = [name for name in BUILDERS if name.startswith("jpeg")]


def body(data: bytes) -> bytes:
    """A file without its end marker."""
    return data[: data.rindex(END)]


def decoded(reader: type[JpegImagePlugin.JpegImageFile], data: bytes, scale: int) -> Image.Image:
    image = reader(io.BytesIO(data))
    image.draft(None, (max(1, image.width // scale), max(1, image.height // scale)))
    image.load()
    return image


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


# --- half pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_cut_anywhere_and_ended_properly_is_corrupt(name):
    data = body(WRITTEN[name])
    first = data.index(b"\xff\xda") + 20
    for part in range(19):
        with pytest.raises(CorruptImage, match="jpeg"):
            rendered(data[: first + (len(data) - first) * part // 19] + END)


@pytest.mark.parametrize("name", ["jpeg-baseline", "jpeg-progressive", "jpeg-cmyk"])
def test_half_of_a_file_with_an_end_is_corrupt(name):
    data = sample(name).data.removesuffix(TRAILER)

    with pytest.raises(CorruptImage, match="truncated"):
        rendered(data[: len(data) // 2] + END)


@pytest.mark.parametrize("name", ["baseline", "subsampled", "gray", "restarts"])
def test_bytes_lost_inside_a_scan_are_found(name):
    data = WRITTEN[name]

    with pytest.raises(CorruptImage, match="jpeg"):
        rendered(data[: len(data) // 2] + data[len(data) // 2 + 1_500 :])


def test_a_progressive_file_whose_last_scans_are_lost_is_corrupt():
    data = WRITTEN["progressive"]
    scans = [at for at in range(len(data)) if data.startswith(b"\xff\xda", at)]

    for at in scans[1:]:
        with pytest.raises(CorruptImage, match="scans are missing"):
            rendered(data[:at] + END)


def test_a_file_in_several_scans_that_lacks_a_component_is_corrupt():
    data = bytearray(WRITTEN["baseline"])
    at = data.index(b"\xff\xda")
    data[at + 2 : at + 14] = struct.pack(">H", 8) + bytes((1, 1, 0, 0, 63, 0))

    with pytest.raises(CorruptImage, match="scans are missing"):
        rendered(bytes(data))


@pytest.mark.parametrize("name", ["restarts", "progressive, restarts"])
def test_the_last_restart_must_have_its_number_and_may_be_followed_by_one_more(name):
    """240 x 160 pixels are 600 blocks: in rows of blocks, 7 of them between two markers."""
    data = WRITTEN[name]
    last = data.rindex(b"\xff\xd9")
    number = max(range(8), key=lambda each: data.rfind(bytes((0xFF, 0xD0 + each))))
    one_more = data[:last] + bytes((0xFF, 0xD0 + (number + 1) % 8)) + END
    at = data.rfind(bytes((0xFF, 0xD0 + number)))

    assert decoded(JpegFile, one_more, 1).tobytes() == decoded(JpegFile, data, 1).tobytes()
    with pytest.raises(CorruptImage, match="restart markers"):
        rendered(data[:at] + END)


# --- undamaged files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [*WRITTEN, *JPEGS])
def test_an_undamaged_file_has_the_same_pixels_at_every_scale(name, scale):
    data = WRITTEN.get(name) or sample(name).data

    assert decoded(JpegFile, data, scale).tobytes() == decoded(JpegImagePlugin.JpegImageFile, data, scale).tobytes()


@pytest.mark.parametrize(
    ("size", "progressive"), [*product(((1, 1), (7, 9), (8, 8), (17, 16), (33, 40)), (False, True))]
)
def test_a_picture_of_any_size_is_whole(size, progressive):
    """Pillow's decoder is called as Pillow does it; this also fails when that function changes."""
    for quality, subsampling in product((5, 60, 100), (0, 1, 2)):
        data = saved(scene(size), "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
        expected = decoded(JpegImagePlugin.JpegImageFile, data, 1).tobytes()

        assert decoded(JpegFile, data, 1).tobytes() == expected
        assert decoded(JpegFile, body(data), 1).tobytes() == expected


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", WRITTEN)
def test_a_missing_end_alone_is_no_fault(name, scale):
    data = WRITTEN[name]

    assert decoded(JpegFile, body(data), scale).tobytes() == decoded(JpegFile, data, scale).tobytes()


@pytest.mark.parametrize("name", ["baseline", "cmyk", "progressive"])
def test_a_file_without_end_that_lacks_its_last_bytes_is_corrupt(name):
    with pytest.raises(CorruptImage, match="truncated"):
        rendered(body(WRITTEN[name])[:-6], format="png")


def test_most_files_that_lack_their_last_bytes_are_corrupt():
    """Of a file without end, by its last unit: ones and zeros in place of the missing bits seldom look the same."""
    found = 0
    for width in range(33, 93, 2):
        with pytest.raises(OSError, match="truncated"):
            decoded(JpegFile, body(saved(scene((width, 40)), "JPEG", quality=95))[:-40], 1)
        try:
            decoded(JpegFile, body(saved(scene((width, 40)), "JPEG", quality=95))[:-8], 1)
        except OSError:
            found += 1

    assert found >= 27


def test_bytes_between_segments_are_skipped():
    data = WRITTEN["baseline"]

    assert made(data[:20] + b"\xff\x00\xff\xd0 \xff\xff" + data[20:]).data == made(data).data


def test_the_pictures_behind_the_first_one_are_not_read():
    broken = saved(scene((64, 64)), "JPEG", progressive=True)[:-400] + END

    assert made(WRITTEN["progressive"] + broken).data == made(WRITTEN["progressive"]).data


def large(**options) -> bytes:
    """More than 128 KB of noise, in which an end that is guessed is not the first one."""
    noise = Image.merge("RGB", [Image.effect_noise((600, 500), 90 + band) for band in range(3)])
    return saved(noise, "JPEG", quality=95, **options)


def test_half_a_picture_in_front_of_a_whole_one_is_corrupt():
    data = large()
    half = body(data)[: len(data) // 2] + END

    for behind in (b"", saved(scene(), "JPEG"), data, bytes(200_000), bytes(200_000) + END):
        with pytest.raises(CorruptImage, match="truncated"):
            rendered(half + behind)
        assert made(data + behind).data == made(data).data


def test_the_first_of_several_pictures_is_decoded_once(monkeypatch):
    """As telephones store their gain maps: a header announces more pictures."""
    monkeypatch.setattr(JpegFile, "_check_first", lambda image, data: pytest.fail("decoded again"))
    noise = Image.merge("RGB", [Image.effect_noise((600, 500), 90 + band) for band in range(3)])
    data = saved(noise, "MPO", save_all=True, append_images=[noise], quality=95)
    assert len(data) > 400_000

    assert made(data).width == 600


@pytest.mark.parametrize("content", [b"JFIF", b"JFIF\0", b"JFIF\0\1"])
@pytest.mark.parametrize("marker", [0xE0])
def test_an_empty_jfif_segment_decides_nothing(marker, content):
    data = WRITTEN["baseline"]

    assert made(data[:2] + segment(marker, content) + data[2:]).data == made(data).data


@pytest.mark.parametrize(("marker", "content"), [(0xEE, b"Adobe\0"), (0xE2, b"ICC_PROFILE\0\1")])
def test_other_segments_that_are_too_short_decide_nothing(marker, content):
    data = WRITTEN["baseline"]

    assert made(data[:2] + segment(marker, content) + data[2:]).data == made(data).data


# --- kinds of JPEG --------------------------------------------------------------------------------------------------


def lossless(image: Image.Image) -> bytes:
    """A lossless JPEG (T.81, annex H): each sample as its difference to the one before it."""
    width, height = image.size
    samples, bits = image.tobytes(), ""
    for at, value in enumerate(samples):
        before = samples[at - (1 if at % width else width)] if at else 128
        size = abs(value - before).bit_length()
        rest = value - before if value > before else value - before + (1 << size) - 1
        bits += f"{size:04b}" + (f"{rest:0{size}b}" if size else "")
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    table = bytes((0, 0, 0, 0, 9, *[0] * 12, *range(9)))
    parts = ((0xC3, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"), (0xC4, table), (0xDA, b"\1\1\0\1\0\0"))
    return b"\xff\xd8" + b"".join(segment(*part) for part in parts) + data + END


@pytest.mark.parametrize("height", [16383, 10])
def test_a_lossless_jpeg_is_read_at_its_full_size(height):
    image = scene().convert("L")

    variant = opened(made(lossless(image), format="png", height=height).data)

    expected = opened(made(saved(image, "PNG"), format="png", height=height).data)
    assert difference(variant, expected) == (0, 0)


def changed(marker: int, **fields: int) -> bytes:
    """A JPEG with another kind of frame."""
    data = bytearray(WRITTEN["baseline"])
    at = data.index(b"\xff\xc0")
    data[at + 1] = marker
    data[at + 4] = fields.get("bits", 8)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (changed(0xC1, bits=12), "12 bits a sample"),
        (changed(0xC3, bits=16), "16 bits a sample"),
        (changed(0xC5), "hierarchical"),
        (changed(0xCB), "lossless and arithmetic-coded"),
        (b"\xff\xd8" + segment(0xF7, struct.pack(">BHHB", 8, 9, 9, 1) + b"\1\x11\0"), "JPEG-LS"),
        (b"\xff\xd8" + segment(0xC0, struct.pack(">BHHB", 8, 9, 9, 2) + b"\1\x11\0\2\x11\0"), "2 components"),
    ],
)
def test_a_jpeg_of_a_kind_that_is_not_decoded_is_unsupported_by_its_name(data, name):
    with pytest.raises(UnsupportedFormat, match=name):
        rendered(data)


def test_a_jpeg_with_an_incomplete_frame_header_is_corrupt():
    with pytest.raises(CorruptImage, match="frame header"):
        rendered(b"\xff\xd8" + segment(0xC0, b"\x08\0\x09\0\x09\x03\1") + files.chunk(b"IEND", b""))
