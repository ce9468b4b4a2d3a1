"""What hides in files, written by hand: EXIF with GPS, maker's note and thumbnail, XMP, IPTC, each with a secret."""

import io
import re
import struct
import zlib
from typing import Final

from PIL import Image

MARK: Final = b"PLANTED"
NOTICE: Final = "(c) 2026 Ada Example, all rights kept"
LATITUDE: Final = struct.pack("<II", 123_454_321, 10_000_019)  # seconds of arc, as EXIF stores them

ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7
Entries = dict[int, tuple[int, int, bytes]]


def secret(where: str) -> bytes:
    return MARK + b"-" + where.encode() + b"."


def planted_in(data: bytes) -> set[str]:
    """The names of the secrets that can be read in a file, also where they are compressed or in UTF-16."""
    seen = b"\n".join((data, *_inflated(data)))
    narrow = seen.replace(b"\0", b"")
    found = {match.decode() for each in (seen, narrow) for match in re.findall(MARK + rb"-([a-z]+)\.", each)}
    return found | ({"latitude"} if LATITUDE in seen or LATITUDE[3::-1] in seen else set())


def exif(orientation: int = 1, *, notice: str | None = NOTICE, note: bytes | None = None) -> bytes:
    """An EXIF block with the marker ``Exif`` in front; every part of it holds a secret."""
    return b"Exif\0\0" + tiff_block(orientation, notice=notice, note=note)


def tiff_block(orientation: int = 1, *, notice: str | None = NOTICE, note: bytes | None = None) -> bytes:
    """The same as a TIFF structure: directories 0 (with those of EXIF and GPS below it) and 1 (the thumbnail)."""
    detail: Entries = {
        0x9003: _text(b"2026:05:04 03:02:01"),
        0x9011: _text(b"+02:00"),
        0x927C: _bytes(note or secret("makernote")),
        0x9286: _bytes(b"ASCII\0\0\0" + secret("usercomment")),
    }
    place: Entries = {
        1: _text(b"N"),
        2: (RATIONAL, 3, struct.pack("<IIII", 51, 1, 28, 1) + LATITUDE),
        18: _text(secret("gpsdatum")),
        27: _bytes(b"ASCII\0\0\0" + secret("gpsmethod")),
    }
    top: Entries = {
        0x010E: _text(secret("description")),
        0x010F: _text(secret("make")),
        0x0112: (SHORT, 1, struct.pack("<H", orientation)),
        0x013B: _text(secret("artist")),
    }
    if notice:
        top[0x8298] = _text(notice.encode())
    small = thumbnail()
    sizes = [len(_directory(each, 0)) for each in ({**top, 0x8769: _long(0), 0x8825: _long(0)}, detail, place)]
    at = [8, 8 + sizes[0], 8 + sizes[0] + sizes[1], 8 + sum(sizes)]
    top |= {0x8769: _long(at[1]), 0x8825: _long(at[2])}
    last: Entries = {0x0103: (SHORT, 1, struct.pack("<H", 6)), 0x0201: _long(at[3] + 42), 0x0202: _long(len(small))}
    parts = (_directory(top, at[0], following=at[3]), _directory(detail, at[1]), _directory(place, at[2]))
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts) + _directory(last, at[3]) + small


def thumbnail() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 99, 199)).save(out, "JPEG", comment=secret("thumbnail"))
    return out.getvalue()


def xmp() -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="' + secret("xmp") + b'"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )


def iptc(notice: str | bytes | None = None) -> bytes:
    """IPTC records: a by-line, and a copyright notice if asked for."""
    records = b"\x1c\x02\x50" + _counted(secret("iptc"))
    if isinstance(notice, str):
        notice = notice.encode()
    return records + (b"\x1c\x02\x74" + _counted(notice) if notice else b"")


def photoshop(notice: str | bytes | None = None) -> bytes:
    """The resource block in which JPEG and TIFF carry IPTC."""
    content = iptc(notice)
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)


def _counted(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def _text(content: bytes) -> tuple[int, int, bytes]:
    return ASCII, len(content) + 1, content + b"\0"


def _bytes(content: bytes) -> tuple[int, int, bytes]:
    return UNDEFINED, len(content), content


def _long(number: int) -> tuple[int, int, bytes]:
    return LONG, 1, struct.pack("<I", number)


def _directory(entries: Entries, at: int, *, following: int = 0) -> bytes:
    """One directory that stands at offset ``at``, its longer values behind it."""
    table, values, behind = b"", b"", at + 6 + 12 * len(entries)
    for tag, (kind, count, content) in sorted(entries.items()):
        field = content.ljust(4, b"\0")
        if len(content) > 4:
            field = struct.pack("<I", behind + len(values))
            values += content + bytes(len(content) % 2)
        table += struct.pack("<HHI", tag, kind, count) + field
    return struct.pack("<H", len(entries)) + table + struct.pack("<I", following) + values


def _inflated(data: bytes) -> list[bytes]:
    """The content of every zlib stream that can be found: PNG's texts and profiles."""
    found = []
    for match in re.finditer(rb"x[\x01\x5e\x9c\xda]", data):
        try:
            found.append(zlib.decompressobj().decompress(data[match.start() :], 100_000))
        except zlib.error:
            continue
    return found
