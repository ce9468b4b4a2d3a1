"""Copyright notices in any script are read from every place that holds one, and written as UTF-8."""

import shutil
import struct
import subprocess

import pytest
from PIL import Image

from tests.corpus.files import chunk, with_segments
from tests.corpus.metadata import photoshop
from tests.corpus.pictures import scene
from tests.corpus.samples import saved
from tests.imaging.making import made

POLISH = "© Łódź 2026"
GERMAN = "© Jörg Müller"
WRITTEN = ("jpeg", "png", "webp", "avif")
COPYRIGHT, ASCII, UTF8 = 0x8298, 2, 129


def exif(content, *, kind=ASCII, order="<"):
    """EXIF with one text of up to any length and of this type."""
    content += b"\0"
    top = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    entry = struct.pack(f"{order}HHHIII", 1, COPYRIGHT, kind, len(content), 26, 0)
    return b"Exif\0\0" + top + entry + content


def jpeg(content, **settings):
    return saved(scene(), "JPEG", exif=exif(content, **settings))


def notice_in(data):
    """The text of the one tag that a variant's EXIF has, by its bytes."""
    at = data.index(b"MM\0*")
    count, tag, kind, length, offset = struct.unpack_from(">HHHII", data, at + 8)
    assert (count, tag, kind) == (1, COPYRIGHT, ASCII)
    content = data[at + offset : at + offset + length]
    assert content.endswith(b"\0")
    return content[:-1].decode()


def kept(data, output="jpeg"):
    return notice_in(made(data, format=output, metadata="copyright").data)


@pytest.mark.parametrize("output", WRITTEN)
@pytest.mark.parametrize("notice", [POLISH, GERMAN, "© 2026 山田太郎", "Ελληνικά", "🐈 cat"])
def test_a_notice_in_utf_8_comes_through_every_format(notice, output):
    assert kept(jpeg(notice.encode()), output) == notice


@pytest.mark.parametrize("output", WRITTEN)
def test_every_format_is_an_original_too(output):
    first = made(jpeg(POLISH.encode()), format=output, metadata="copyright").data

    assert kept(first) == POLISH


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
@pytest.mark.parametrize("output", WRITTEN)
def test_exiftool_reads_the_same_notice(output, tmp_path):
    path = tmp_path / f"variant.{output}"
    path.write_bytes(made(jpeg(POLISH.encode()), format=output, metadata="copyright").data)

    told = subprocess.run(["exiftool", "-s3", "-Copyright", path], capture_output=True, check=True)

    assert told.stdout.decode().strip() == POLISH


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
def test_a_notice_in_latin_1_is_written_in_utf_8(encoding):
    notice = GERMAN + (" €" if encoding != "latin-1" else "")

    assert kept(jpeg(notice.encode(encoding))) == notice


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_notice_of_exif_3_has_a_type_of_its_own(order):
    assert kept(jpeg(POLISH.encode(), kind=UTF8, order=order)) == POLISH


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_iptc_and_tiff_have_either_encoding(encoding):
    block = photoshop(GERMAN.encode(encoding))
    in_iptc = with_segments(saved(scene(), "JPEG"), (0xED, b"Photoshop 3.0\0" + block))
    in_tiff = saved(scene(), "TIFF", tiffinfo={COPYRIGHT: GERMAN.encode(encoding)})

    assert kept(in_iptc) == kept(in_tiff) == GERMAN


def test_the_texts_of_a_png_have_the_encoding_of_their_kind():
    plain = saved(scene(), "PNG")

    def with_text(kind, content):
        return plain[:33] + chunk(kind, b"Copyright\0" + content) + plain[33:]

    odd = "Ã©"  # Latin-1's bytes of it are UTF-8 for another letter
    assert kept(with_text(b"tEXt", GERMAN.encode("latin-1"))) == GERMAN
    assert kept(with_text(b"tEXt", POLISH.encode())) == POLISH  # against the rule, and common
    assert kept(with_text(b"iTXt", b"\0\0\0\0" + POLISH.encode())) == POLISH
    assert kept(with_text(b"iTXt", b"\0\0\0\0" + odd.encode())) == odd


def test_spaces_of_every_width_stay_and_control_characters_do_not():
    assert kept(jpeg("©\u00a02026\u3000山田\u0085\u200b\r\n".encode())) == "©\u00a02026\u3000山田"


def test_the_photographers_and_the_editors_notice_are_kept_apart():
    """EXIF 2.32, section 4.6.5.1: a NUL stands between them, and a space for a photographer's that is missing."""
    assert kept(jpeg(b"Photographer\0Editor")) == "Photographer; Editor"
    assert kept(jpeg(b" \0Editor")) == "Editor"


def test_a_notice_is_cut_between_characters():
    assert kept(jpeg(("Łódź" * 300).encode())) == "Łódź" * 250


def test_an_ascii_notice_has_the_bytes_it_always_had():
    tags = Image.Exif()
    tags[COPYRIGHT] = "(c) me"

    assert tags.tobytes() in made(jpeg(b"(c) me"), metadata="copyright").data
