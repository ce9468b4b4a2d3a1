"""What is refused, and as what: by content, from the header where size is at fault, never with half a picture."""

import gzip
import random
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from processing.errors import CorruptImage, ImageTooLarge, Rejected, UnsupportedFormat
from processing.imaging import inspect, render
from processing.imaging.unsupported import fault
from tests.corpus import sample
from tests.corpus.files import chunk
from tests.corpus.pictures import scene
from tests.corpus.samples import BUILDERS, TRAILER, saved
from tests.imaging.making import LIMITS, limits, made, recipe, rendered

ROOT = Path(__file__).parents[2]
NO_IMAGES = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"Dear all, please find the picture below.\n" * 20,
    "JPEG in words": b"JFIF image/jpeg data:image/jpeg;base64,/9j/4AAQSkZJRg",
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "ICO": saved(scene((32, 32)), "ICO"),
    "TGA": saved(scene(), "TGA"),
    "PPM": saved(scene(), "PPM"),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 ",
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n",
    "MP4": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(64),
    "QuickTime": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(64),
    "WAV": b"RIFF\x24\0\0\0WAVEfmt " + bytes(64),
    "ZIP": b"PK\x03\x04" + bytes(64),
    "Photoshop": b"8BPS\0\x01" + bytes(64),
    "a text that begins with BM": b"BMW is a maker of cars and motorcycles in Munich.",
    "Canon CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(64),
    "Fujifilm RAF": b"FUJIFILMCCD-RAW 0201" + bytes(64),
}


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_picture_is_unsupported(name):
    with pytest.raises(UnsupportedFormat):
        render(NO_IMAGES[name], recipe())
    with pytest.raises(UnsupportedFormat):
        inspect(NO_IMAGES[name], LIMITS)


def test_the_message_shows_how_the_file_begins():
    with pytest.raises(UnsupportedFormat, match="25 50 44 46"):
        inspect(NO_IMAGES["PDF"], LIMITS)


def test_an_object_that_is_stored_with_gzip_is_said_to_be_that():
    """As some tools upload with `Content-Encoding: gzip`: browsers unpack it, S3's GetObject does not."""
    with pytest.raises(UnsupportedFormat, match=r"gzip.*without Content-Encoding"):
        inspect(gzip.compress(sample("jpeg-baseline").data), LIMITS)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_kind_is_recognized_by_its_content(name):
    """There is nothing else to go by: the engine is never told a name or a type."""
    original = sample(name)

    assert inspect(original.data, LIMITS).image_format == original.image_format


FIRSTS = ["jpeg-baseline", "png-rgb", "gif-still", "webp-lossy", "tiff-rgb", "avif-still", "bmp-rgb"]


def heic_header() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


def test_heic_without_its_package_says_which_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)

    with pytest.raises(UnsupportedFormat, match=r"pi_heif.*requirements-base\.txt"):
        inspect(heic_header(), LIMITS)


def test_a_broken_heic_is_corrupt_when_its_package_is_there():
    with pytest.raises(CorruptImage, match="heic"):
        inspect(heic_header(), LIMITS)


@pytest.mark.parametrize("tags", [{50706: bytes((1, 4, 0, 0))}, {254: 1, 330: 8}])
def test_a_raw_photograph_is_not_mistaken_for_the_small_tiff_in_front_of_it(tags):
    with pytest.raises(UnsupportedFormat, match="raw"):
        inspect(saved(scene(), "TIFF", tiffinfo=tags), LIMITS)


def bmp(**fields: int) -> bytes:
    """A BMP with other fields in its header."""
    data = bytearray(saved(scene().convert("RGBA"), "BMP"))
    for name, value in fields.items():
        at, size = {"bits": (28, 2), "compression": (30, 4), "red": (54, 4)}[name]
        data[at : at + size] = value.to_bytes(size, "little")
    return bytes(data)


def avif(matrix: int) -> bytes:
    data = bytearray(saved(scene(), "AVIF", speed=10, max_threads=1))
    at = data.index(b"colrnclx") + 12
    data[at : at + 2] = matrix.to_bytes(2, "big")
    return bytes(data)


def heic(codec: bytes) -> bytes:
    return (ROOT / "tests" / "imaging" / "golden" / "portrait.heic").read_bytes().replace(b"hvc1", codec)


NOT_READ = {
    "compressed with JPEG": lambda: bmp(compression=4),  # as printers take it
    "compressed with method 99": lambda: bmp(compression=99),
    "of 64 bits a pixel": lambda: bmp(bits=64),
    "bit fields": lambda: bmp(compression=3, red=0x3FF),
    r"matrix coefficients 14 \(ITU-T H.273\)": lambda: avif(14),
    "coded with JPEG 2000": lambda: heic(b"j2k1"),
    "coded with H.264": lambda: heic(b"avc1"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_a_kind_that_is_not_read_is_unsupported_by_its_name_and_not_corrupt(name):
    with pytest.raises(UnsupportedFormat, match=name):
        rendered(NOT_READ[name]())


def test_the_same_files_with_values_that_are_read_are_read():
    for data in (bmp(), avif(6), heic(b"hvc1")):
        assert rendered(data).variants


SENTENCE = re.compile(r"^(jpeg|png|gif|webp|tiff|avif|bmp|heic): [^:]*[a-z]{3,} [^:]*[a-z]{2,}|^the image has \d")
OF_A_FUNCTION = re.compile(r"unpack_|buffer of|argument|codec can't|index out of|0x")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BUILDERS)
def test_the_reason_of_a_damaged_file_is_in_words(name):
    """No number that an exception consists of, and no error of a function of Python."""
    data = sample(name).data.removesuffix(TRAILER)
    rng, reasons = random.Random(name), []
    for _ in range(40):
        broken = bytearray(data[: rng.randrange(40, len(data))])
        for at in rng.choices(range(8, min(len(broken), 400)), k=6):
            broken[at] = rng.randrange(256)
        try:
            rendered(bytes(broken), height=20)
        except CorruptImage as error:
            reasons.append(str(error))
        except Rejected:
            continue

    assert [reason for reason in reasons if not SENTENCE.match(reason) or OF_A_FUNCTION.search(reason)] == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (struct.error("unpack_from requires a buffer of at least 8 bytes"), "ends within a field"),
        (SyntaxError(struct.error("unpack requires a buffer of 2 bytes")), "ends within a field"),
        (SyntaxError(KeyError(320)), "a field is missing"),
        (KeyError(5), "a field is missing"),
        (ValueError("7"), "a field is missing"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "a field is missing"),
        (TypeError("function takes at most 3 arguments (4 given)"), "a field is missing"),
        (OSError("image file is truncated (5 bytes not processed)"), "image file is truncated"),
    ],
)
def test_a_fault_is_in_words_whatever_a_reader_raises(error, words):
    assert words in fault(error)
    assert not any(character.isdigit() for character in fault(error))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_without_a_known_range_are_unsupported(mode):
    with pytest.raises(UnsupportedFormat, match=f"samples of type {mode}"):
        inspect(saved(scene().convert(mode), "TIFF"), LIMITS)


# --- truncated and broken -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of broken metadata, and goes on
@pytest.mark.parametrize("name", BUILDERS)
def test_a_truncated_file_is_rejected_or_whole_and_never_half_a_picture(name):
    """Whole where all pixels are there, and only what follows them is missing."""
    data = sample(name).data.removesuffix(TRAILER)
    other = "webp" if name.startswith("png") else "png"  # in its own format, fewer bytes may give other settings
    whole = made(data, format=other, height=40).data
    rejected = 0
    for cut in {len(data) * part // 24 for part in range(24)} | {1, 3, 8, 12, 16, 30, len(data) - 1, len(data) - 9}:
        try:
            assert made(data[:cut], format=other, height=40).data == whole, f"cut at {cut}"
        except UnsupportedFormat:
            assert cut < 64
            rejected += 1
        except CorruptImage:
            rejected += 1

    assert rejected >= 8


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - {"jpeg-mpo", "jpeg-gain-map", "tiff-pages"}))
def test_a_file_cut_in_half_is_corrupt(name):
    data = sample(name).data.removesuffix(TRAILER)

    with pytest.raises(CorruptImage, match=name.split("-")[0]):
        rendered(data[: len(data) // 2])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BUILDERS)
def test_no_flipped_byte_of_a_header_gets_out_of_the_error_tree(name):
    data, small = sample(name).data, limits(pixels=dict.fromkeys(LIMITS.max_pixels, 1_000_000))
    for at in range(0, min(len(data), 240), 3):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        try:
            inspect(bytes(broken), small)
        except Rejected:
            continue


@pytest.mark.parametrize("name", ["png-rgb", "png-interlaced", "png-deep"])
def test_a_flipped_bit_in_a_png_is_found_by_its_checksum(name):
    data = bytearray(sample(name).data)
    data[data.find(b"IDAT") + 40] ^= 1

    with pytest.raises(CorruptImage, match="png"):
        rendered(bytes(data))


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (0, 0)])
@pytest.mark.parametrize("promise", ["png", "bmp", "tiff"])
def test_a_picture_without_pixels_is_corrupt(promise, size):
    with pytest.raises(CorruptImage):
        inspect(PROMISES[promise](*size), LIMITS)


def test_an_animation_without_a_screen_or_a_frame_is_corrupt():
    with pytest.raises(CorruptImage):
        inspect(b"GIF89a" + bytes(7) + b"\x3b", LIMITS)


# --- too large: from the header -------------------------------------------------------------------------------------


def promise_png(width: int = 60_000, height: int = 60_000) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def promise_jpeg(*, progressive: bool = False) -> bytes:
    frame = struct.pack(">BHHB", 8, 60_000, 60_000, 3) + bytes((1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0))
    scan = bytes((3, 1, 0, 2, 0, 3, 0, 0, 63, 0))
    parts = [(0xC2 if progressive else 0xC0, frame), (0xDA, scan)]
    segments = b"".join(struct.pack(">BBH", 0xFF, mark, len(content) + 2) + content for mark, content in parts)
    return b"\xff\xd8" + segments + b"\xff\xd9"


def promise_bmp(width: int = 60_000, height: int = 60_000) -> bytes:
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)


def promise_gif(*, frame: bool = False) -> bytes:
    """A screen of 60,000 x 60,000, or a small one with a frame that reaches so far."""
    side = 10 if frame else 60_000
    screen = struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"\x2c" + struct.pack("<HHHHB", 59_990, 59_990, 10, 10, 0) + b"\x02\x01\x00\x00\x3b"


def promise_webp(kind: bytes) -> bytes:
    side = 16_383 if kind != b"VP8X" else 60_000
    body = {
        b"VP8 ": b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", side, side),
        b"VP8L": b"\x2f" + struct.pack("<I", (side - 1) | (side - 1) << 14),
        b"VP8X": bytes(4) + (side - 1).to_bytes(3, "little") * 2,
    }[kind]
    content = b"WEBP" + kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def promise_tiff(width: int = 60_000, height: int = 60_000) -> bytes:
    """Gray, stored as one strip."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 60_000, 279: 100}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + directory + bytes(4)


def promise_avif() -> bytes:
    small = saved(scene(), "AVIF", speed=10, max_threads=1)
    size, promised = (b"ispe" + struct.pack(">III", 0, *each) for each in ((96, 64), (16_000, 16_000)))
    assert size in small
    return small.replace(size, promised)


PROMISES = {
    "jpeg": promise_jpeg,
    "progressive": lambda: promise_jpeg(progressive=True),
    "png": promise_png,
    "bmp": promise_bmp,
    "gif": promise_gif,
    "gif, one frame": lambda: promise_gif(frame=True),
    "webp, lossy": lambda: promise_webp(b"VP8 "),
    "webp, lossless": lambda: promise_webp(b"VP8L"),
    "webp, extended": lambda: promise_webp(b"VP8X"),
    "tiff": promise_tiff,
    "avif": promise_avif,
}
ROOM = 48_000_000  # bytes that a process may still take; one band of the smallest promise takes five times as much


@pytest.mark.parametrize("name", PROMISES)
def test_a_header_that_promises_too_many_pixels_is_refused_by_its_setting(name):
    with pytest.raises(
        ImageTooLarge, match=rf"(60000 x 60000|16383 x 16383|16000 x 16000).*limits\.pixels\.{name.split(',')[0]}"
    ):
        render(PROMISES[name](), recipe())


def test_no_memory_is_taken_for_a_promise():
    """In a process that cannot get more memory than the interpreter has taken already."""
    program = f"""
import resource
from processing.errors import ImageTooLarge
from processing.imaging import render
from tests.imaging.making import recipe
from tests.imaging.test_rejections import PROMISES
promises = {{name: make() for name, make in PROMISES.items()}}
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + {ROOM},) * 2)
for name, data in promises.items():
    try:
        render(data, recipe())
    except ImageTooLarge as error:
        assert "(limits.pixels." in str(error), f"{{name}}: {{error}}"
    else:
        raise AssertionError(name)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 120_000  # kilobytes: Python, Pillow and pytest


@pytest.mark.parametrize("name", FIRSTS)
def test_each_format_has_its_own_limit_and_reaches_it(name):
    data, image_format = sample(name).data, sample(name).image_format

    assert inspect(data, limits(pixels={image_format: 96 * 64})).width == 96
    with pytest.raises(
        ImageTooLarge, match=rf"96 x 64 = 6,144 pixels; the limit is 6,143 pixels \(limits\.pixels\.{image_format}"
    ):
        inspect(data, limits(pixels={image_format: 96 * 64 - 1}))


def test_a_progressive_jpeg_has_a_limit_of_its_own():
    few = limits(pixels={"progressive": 6_143})

    assert inspect(sample("jpeg-baseline").data, few).progressive is False
    with pytest.raises(ImageTooLarge, match=r"limits\.pixels\.progressive"):
        inspect(sample("jpeg-progressive").data, few)


def test_bytes_are_counted_before_anything_is_read():
    text = b"not even a picture"

    with pytest.raises(ImageTooLarge, match=r"18 bytes; the limit is 17 bytes \(limits\.bytes\)"):
        inspect(text, limits(max_bytes=17))
    with pytest.raises(UnsupportedFormat):
        inspect(text, limits(max_bytes=18))


@pytest.mark.parametrize("name", ["gif-animated", "webp-animated", "png-animated", "avif-animated"])
def test_frames_are_limited_one_by_one_and_by_their_pixels(name):
    data = sample(name).data

    assert inspect(data, limits(max_frames=3, pixels={"animation": 3 * 96 * 64})).frames == 3
    with pytest.raises(ImageTooLarge, match=r"at least 3 frames; the limit is 2 frames \(limits\.frames\)"):
        inspect(data, limits(max_frames=2))
    with pytest.raises(
        ImageTooLarge, match=r"3 frames of 96 x 64 = 18,432 pixels; the limit is 18,431 .*limits\.pixels\.animation"
    ):
        inspect(data, limits(pixels={"animation": 3 * 96 * 64 - 1}))


def test_a_picture_above_pillows_own_limit_is_judged_by_ours():
    """Pillow warns above 89 million pixels, and refuses above twice as many."""
    many = limits(pixels={"png": 100_000_000})

    with pytest.raises(ImageTooLarge, match=r"limits\.pixels\.png"):
        inspect(promise_png(10_001, 10_000), many)
    assert inspect(promise_png(10_000, 10_000), many).width == 10_000
