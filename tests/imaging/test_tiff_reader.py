"""TIFFs that Pillow takes for something else are read right, or are unsupported by their name."""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import pyvips
from PIL import Image, TiffImagePlugin

from processing.errors import CorruptImage, UnsupportedFormat
from processing.imaging import tiff_reader
from processing.imaging.tiff_reader import TiffFile
from tests.corpus.pictures import scene
from tests.corpus.samples import saved
from tests.imaging.making import difference, made, opened, rendered

ROOT = Path(__file__).parents[2]
PICTURE = scene()
SHORT, LONG = 3, 4
ONE_STRIP: Mapping[int, Sequence[int]] = {256: [PICTURE.width], 257: [PICTURE.height], 278: [PICTURE.height]}


def tiff(tags: Mapping[int, Sequence[int]], *strips: bytes, order: str = "<") -> bytes:
    """A TIFF of one page, with these tags of type SHORT."""
    tags = {**ONE_STRIP, 259: [1], 277: [len(tags[258])], **tags, 273: [0] * len(strips), 279: [len(s) for s in strips]}
    at = 8 + 2 + 12 * len(tags) + 4
    tags[273] = [at + sum(len(strip) for strip in strips[:number]) for number in range(len(strips))]
    at += sum(len(strip) for strip in strips)
    entries, behind = b"", b""
    for tag, values in sorted(tags.items()):
        kind = LONG if tag in (273, 279) else SHORT
        content = b"".join(struct.pack(order + ("I" if kind == LONG else "H"), value) for value in values)
        place = struct.pack(order + "I", at + len(behind)) if len(content) > 4 else content.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
        behind += content if len(content) > 4 else b""
    front = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    return front + entries + bytes(4) + b"".join(strips) + behind


def planes(image: Image.Image, order: str = "", low: int = 0) -> list[bytes]:
    """Each band by itself; with an ``order`` in 16 bits, whose low ones say nothing."""
    if not order:
        return [band.tobytes() for band in image.split()]
    return [b"".join(struct.pack(order + "H", v << 8 | low) for v in band.tobytes()) for band in image.split()]


def shown(data: bytes) -> Any:
    return opened(made(data, format="png").data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_planes_of_16_bits_without_compression_are_read_right(order):
    data = tiff({258: [16] * 3, 262: [2], 284: [2]}, *planes(PICTURE, order, 77), order=order)

    result = rendered(data, format="png")

    assert difference(opened(result.variants[0].data), PICTURE) == (0, 0)
    assert "bit_depth" in result.lost
    color: Any = PICTURE.getpixel((5, 5))
    assert pyvips.Image.new_from_buffer(data, "").getpoint(5, 5) == [level << 8 | 77 for level in color]


@pytest.mark.parametrize("compression", [1, 8])
def test_separate_planes_of_ycbcr_are_read_right(compression):
    pack = zlib.compress if compression == 8 else bytes
    colors = PICTURE.convert("YCbCr")
    tags = {258: [8] * 3, 259: [compression], 262: [6], 284: [2], 530: [1, 1]}

    mean, largest = difference(shown(tiff(tags, *(pack(plane) for plane in planes(colors)))), colors.convert("RGB"))

    assert mean < 1
    assert largest <= 4


def test_a_palette_with_values_of_8_bits_is_not_black():
    """As libtiff's own tools have it."""
    indexed = PICTURE.quantize(200)
    colors = indexed.getpalette("RGB") or []
    colors += [0] * (768 - len(colors))
    for factor in (1, 256, 257):
        palette = [value * factor for band in range(3) for value in colors[band::3]]
        data = tiff({258: [8], 262: [3], 320: palette}, indexed.tobytes())

        assert difference(shown(data).convert("RGB"), indexed.convert("RGB")) == (0, 0)


def test_gray_with_premultiplied_alpha_is_read_right():
    alpha = Image.linear_gradient("L").resize(PICTURE.size).point(lambda level: max(level, 1))
    gray = PICTURE.convert("L")
    stored = Image.merge("LA", (gray, alpha)).convert("La")

    picture = shown(tiff({258: [8, 8], 262: [1], 338: [1]}, stored.tobytes()))

    assert picture.mode in ("RGBA", "LA")
    expected = stored.convert("LA").convert("RGBA")
    assert difference(picture.convert("RGBA"), expected) == (0, 0)


FAX = scene((400, 300)).convert("1")


def damaged_fax(compression: str, changes: int) -> bytes:
    """A fax in which so many bytes of its codes are others."""
    data = bytearray(saved(FAX, "TIFF", compression=compression))
    tags: Any = Image.open(io.BytesIO(data))
    start, length = tags.tag_v2[273][0], tags.tag_v2[279][0]
    for number in range(changes):
        data[start + length * (number + 1) // (changes + 2)] ^= 0x5A
    return bytes(data)


@pytest.mark.parametrize(("compression", "changes"), [("tiff_ccitt", 60), ("group4", 1), ("group4", 60)])
def test_a_fax_with_invalid_codes_is_corrupt(compression, changes, capfd):
    """libtiff guesses the rest of each such row, and of group 4 often all rows that follow."""
    with pytest.raises(CorruptImage, match="rows have invalid codes"):
        rendered(damaged_fax(compression, changes))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
def test_an_undamaged_fax_is_read(compression):
    picture = shown(damaged_fax(compression, 0))

    assert difference(picture.convert("L"), FAX.convert("L")) == (0, 0)


def test_a_fax_may_have_a_wrong_row_of_a_hundred(monkeypatch):
    errors = [b"Fax3Decode1D: Bad code word\n"]
    monkeypatch.setattr(tiff_reader, "_fax_errors", lambda: nullcontext(errors * 3))
    assert rendered(damaged_fax("group3", 0)).variants

    monkeypatch.setattr(tiff_reader, "_fax_errors", lambda: nullcontext(errors * 4))
    with pytest.raises(CorruptImage, match="4 of its 300 rows"):
        rendered(damaged_fax("group3", 0))


def test_what_others_write_to_stderr_is_passed_on(capfd, monkeypatch):
    def load(image):
        os.write(2, b"a word of somebody else\n")

    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", load)
    TiffFile(io.BytesIO(damaged_fax("group4", 0))).load()

    assert capfd.readouterr().err == "a word of somebody else\n"


@pytest.mark.parametrize("closed", [True, False])
def test_a_fax_is_read_in_a_process_without_stderr(closed):
    program = f"""
import os, sys
from tests.imaging.test_tiff_reader import damaged_fax
from tests.imaging.making import rendered
{"os.close(2)" if closed else ""}
print(rendered(damaged_fax("group4", 0)).source.width)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "400\n"


SAMPLES = PICTURE.tobytes()
GRAY = PICTURE.convert("L").tobytes()
NAMED = {
    "signed samples": tiff({258: [8], 262: [1], 339: [2]}, GRAY),
    "WebP": tiff({258: [8] * 3, 259: [50001], 262: [2]}, SAMPLES),
    "JPEG 2000": tiff({258: [8] * 3, 259: [34712], 262: [2]}, SAMPLES),
    "method 999": tiff({258: [8] * 3, 259: [999], 262: [2]}, SAMPLES),
    "subsampled YCbCr in separate planes": tiff({258: [8] * 3, 262: [6], 284: [2]}, *planes(PICTURE)),
    "32/32/32 bits a sample, sample format 3": tiff({258: [32] * 3, 262: [2], 339: [3]}, SAMPLES * 4),
    "JPEG XR": tiff({258: [8] * 3, 262: [2], 0xBC01: [1]}, SAMPLES),
    "photometric interpretation 32803": tiff({258: [8], 262: [32803]}, GRAY),
    "big-endian BigTIFF": b"MM\0+\0\x08\0\0" + struct.pack(">Q", 16) + bytes(64),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_read_is_unsupported_by_its_name(name):
    with pytest.raises(UnsupportedFormat, match=name):
        rendered(NAMED[name])


def test_the_pages_behind_the_first_one_do_not_matter():
    """The second page could not be read."""
    front = tiff({258: [8] * 3, 262: [2]}, SAMPLES)
    opened_front: Any = Image.open(io.BytesIO(front))
    assert opened_front.n_frames == 1
    link = 10 + 12 * int.from_bytes(front[8:10], "little")
    second = struct.pack("<HHHI4s", 1, 259, 3, 1, b"\xe7\3\0\0") + bytes(4)

    result = rendered(front[:link] + struct.pack("<I", len(front)) + front[link + 4 :] + second, format="png")

    assert difference(opened(result.variants[0].data), PICTURE) == (0, 0)
    assert "pages" in result.lost


FOUR = {258: [8, 8, 8, 8], 262: [2]}
CLEAR = Image.merge("RGBA", (*PICTURE.split(), Image.new("L", PICTURE.size))).tobytes()


@pytest.mark.parametrize("extra", [{}, {338: [999]}, {338: [0]}], ids=["none", "Corel's", "unspecified"])
def test_a_fourth_sample_that_is_zero_everywhere_and_not_called_alpha_is_none(extra):
    assert difference(shown(tiff({**FOUR, **extra}, CLEAR)).convert("RGB"), PICTURE) == (0, 0)


def test_alpha_that_is_zero_everywhere_hides_the_picture_where_it_is_called_alpha():
    assert shown(tiff({**FOUR, 338: [2]}, CLEAR)).convert("RGBA").getchannel("A").getextrema() == (0, 0)


def test_a_fourth_sample_without_a_name_is_alpha_where_it_says_something():
    half = PICTURE.convert("RGBA")
    half.putalpha(100)

    assert shown(tiff(FOUR, half.tobytes())).convert("RGBA").getchannel("A").getextrema() == (100, 100)


def test_16_bits_of_gray_whose_zero_is_white_are_no_negative():
    gray = PICTURE.convert("L")
    samples = b"".join(struct.pack("<H", 0xFFFF - 257 * level) for level in gray.tobytes())

    data = tiff({258: [16], 262: [0]}, samples)

    assert difference(shown(data).convert("L"), gray) == (0, 0)
    assert pyvips.Image.new_from_buffer(data, "").avg() == pytest.approx(
        257 * sum(gray.tobytes()) / (gray.width * gray.height), rel=0.01
    )
