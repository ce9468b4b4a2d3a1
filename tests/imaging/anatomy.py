"""What a file is made of, by the names of its parts: what is not on the list of a format has no business there."""

import re
import struct
from collections.abc import Iterator

from tests.corpus.files import chunks_of

PICTURE = {
    "jpeg": {"JFIF", "DB", "C0", "C1", "C2", "C4", "DA", "EE Adobe"},
    "png": {"IHDR", "PLTE", "tRNS", "IDAT", "IEND", "acTL", "fcTL", "fdAT"},
    "webp": {"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF"},
    "avif": {"av01"},
    "gif": {"frame", "F9", "NETSCAPE2.0"},
}
"""The parts that a picture needs; any other part is metadata."""

COPYRIGHT = {"jpeg": {"E1 Exif"}, "png": {"eXIf"}, "webp": {"EXIF"}, "avif": {"Exif"}, "gif": set()}
"""The part in which each format holds the copyright notice."""


GAIN_MAP = {"gain map"}
"""What a JPEG has besides with an HDR gain map: nothing but these segments, letter for letter, and a second JPEG."""

NUMBER = r"-?\d+\.\d{6}"
XMP = (
    r'http://ns\.adobe\.com/xap/1\.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    r'<rdf:RDF xmlns:rdf="http://www\.w3\.org/1999/02/22-rdf-syntax-ns#">'
    r'<rdf:Description rdf:about="" xmlns:hdrgm="http://ns\.adobe\.com/hdr-gain-map/1\.0/"{}>{}</rdf:Description>'
    r"</rdf:RDF></x:xmpmeta>"
)
CONTAINER = r"http://ns\.google\.com/photos/1\.0/container/"
ITEM = r'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="{}"{}/></rdf:li>'
OF_A_GAIN_MAP = [
    XMP.format(
        rf' xmlns:Container="{CONTAINER}" xmlns:Item="{CONTAINER}item/" hdrgm:Version="1\.0"',
        "<Container:Directory><rdf:Seq>"
        + ITEM.format("Primary", "")
        + ITEM.format("GainMap", r' Item:Length="\d+"')
        + "</rdf:Seq></Container:Directory>",
    ),
    XMP.format(
        rf' hdrgm:Version="1\.0" hdrgm:BaseRenditionIsHDR="False"(?: hdrgm:[A-Za-z]+="{NUMBER}")+',
        rf"(?:<hdrgm:([A-Za-z]+)><rdf:Seq>(?:<rdf:li>{NUMBER}</rdf:li>){{3}}</rdf:Seq></hdrgm:\1>)*",
    ),
    r"urn:iso:std:iso:ts:21496:-1\0(?:\0{4}|\0{4}[\x48\xc8](?:.{32}|.{72}))",
    r"MPF\0MM\0\*.{78}",
]


def metadata(image_format: str, data: bytes) -> set[str]:
    """The parts of a file that are not the picture."""
    return set(PARTS[image_format](data)) - PICTURE[image_format]


def _jpeg(data: bytes) -> Iterator[str]:
    at, second = 2, False
    while data[at : at + 2] != b"\xff\xd9":
        assert data[at] == 0xFF, f"no marker at {at}"
        number, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        content = data[at + 4 : at + 2 + length]
        if 0xE0 <= number <= 0xEF:
            plain = number == 0xE0 and content.startswith(b"JFIF\0") and len(content) == 14
            if any(re.fullmatch(each, content.decode("latin-1"), re.DOTALL) for each in OF_A_GAIN_MAP):
                second = second or content.startswith(b"MPF")
                yield "gain map"
            else:
                yield "JFIF" if plain else f"{number:X} {content.split(bytes(1))[0][:12].decode('latin-1')}"
        else:
            yield f"{number:02X}"
        at += 2 + length
        if number == 0xDA:  # coded pixels, up to a marker that is no restart and no escaped 0xFF
            marker = re.compile(rb"\xff[^\x00\xd0-\xd7]").search(data, at)
            assert marker is not None, "no marker behind the pixels"
            at = marker.start()
    if second:
        yield from _jpeg(data[at + 2 :])
    elif at + 2 != len(data):
        yield "bytes behind the end"


def _png(data: bytes) -> Iterator[str]:
    for kind, _ in chunks_of(data):
        yield kind.decode("latin-1")


def _webp(data: bytes) -> Iterator[str]:
    assert int.from_bytes(data[4:8], "little") + 8 == len(data)
    at = 12
    while at < len(data):
        yield data[at : at + 4].decode("latin-1")
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2


def _avif(data: bytes) -> Iterator[str]:
    head = data[: data.find(b"mdat")]
    for match in re.finditer(b"infe", head):
        yield head[match.end() + 8 : match.end() + 12].decode("latin-1")
    for kind in (b"colrprof", b"colrrICC", b"uuid", b"udta"):
        if kind in head:
            yield kind.decode()


def _gif(data: bytes) -> Iterator[str]:
    at = 13 + _colors(data[10])
    while data[at] != 0x3B:
        if data[at] == 0x21:
            label = data[at + 1]
            yield data[at + 3 : at + 14].decode("latin-1") if label == 0xFF else f"{label:02X}"
            at += 2
        else:
            yield "frame"
            (flags,) = struct.unpack_from("<B", data, at + 9)
            at += 11 + _colors(flags)
        while data[at]:
            at += data[at] + 1
        at += 1
    if at + 1 != len(data):
        yield "bytes behind the end"


def _colors(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


PARTS = {"jpeg": _jpeg, "png": _png, "webp": _webp, "avif": _avif, "gif": _gif}
