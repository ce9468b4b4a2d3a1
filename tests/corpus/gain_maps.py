"""JPEGs with an HDR gain map as cameras and editors write them, by a writer of the tests' own, full of secrets."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image, ImageFilter, ImageOps

from tests.corpus import files, metadata
from tests.corpus.metadata import secret
from tests.corpus.pictures import SIZE, laid, scene
from tests.corpus.samples import TRAILER, jpeg, saved

XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
ISO: Final = b"urn:iso:std:iso:ts:21496:-1\0"
Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a map means: as ISO 21496-1 names and orders it, in stops."""

    headrooms: tuple[float, float] = (0.0, 2.5)
    low: Three = (0.0, 0.0, 0.0)
    high: Three = (2.5, 2.5, 2.5)
    gamma: Three = (1.0, 1.0, 1.0)
    base_offset: Three = (0.015625, 0.015625, 0.015625)
    other_offset: Three = (0.015625, 0.015625, 0.015625)

    @property
    def by_channel(self) -> list[Three]:
        return [self.low, self.high, self.gamma, self.base_offset, self.other_offset]


GRAY: Final = Numbers()
COLORED: Final = Numbers(
    headrooms=(0.0, 3.0),
    low=(-0.5, -0.25, -0.125),
    high=(3.0, 2.75, 2.5),
    gamma=(0.9, 1.0, 1.1),
    base_offset=(0.01, 0.02, 0.03),
    other_offset=(0.03, 0.02, 0.01),
)
HEADROOM: Final = 4.5  # of the iPhone
NOTE_NUMBERS: Final = (0.9, 0.005)  # tags 33 and 48, which say 2 ** (1.8 - 20 * 0.005) = 3.249


def light(size: tuple[int, int], *, colored: bool = False) -> Image.Image:
    """A map for `scene`: bright where that is bright, and smooth, as the maps of phones are."""
    picture = scene(size).filter(ImageFilter.GaussianBlur(size[0] / 40))
    return picture if colored else ImageOps.grayscale(picture)


def with_pictures(picture: bytes, *others: bytes, offset: int | None = None, length: int | None = None) -> bytes:
    """All in one file, by an index in Intel's byte order; ``offset`` and ``length`` are for a wrong last entry."""
    count = 1 + len(others)
    index_bytes = 4 + 4 + 8 + 2 + 3 * 12 + 4 + 16 * count
    entries = struct.pack("<IIIHH", 0x20030000, len(picture) + index_bytes, 0, 0, 0)
    behind = len(picture) + index_bytes - (2 + 8)  # from the byte order of the index, behind SOI and its own marker
    for number, other in enumerate(others, start=2):
        last = number == count
        at, size = (behind if offset is None or not last else offset), (length if length and last else len(other))
        entries += struct.pack("<IIIHH", 0, size, at, 0, 0)
        behind += len(other)
    index = struct.pack("<4sIH", b"II*\0", 8, 3)
    index += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    index += struct.pack("<HHII", 0xB001, 4, 1, count)
    index += struct.pack("<HHIII", 0xB002, 7, 16 * count, 50, 0)
    return files.with_segments(picture, (0xE2, b"MPF\0" + index + entries)) + b"".join(others) + TRAILER


def map_file(picture: Image.Image, *segments: tuple[int, bytes], **options: Any) -> bytes:
    """The second JPEG, which has secrets of its own."""
    options = {"quality": 95, "subsampling": 0, **options}
    data = saved(picture, "JPEG", exif=metadata.exif(), comment=secret("comment"), **options)
    return files.with_segments(data, *segments)


def xmp_segment(numbers: Numbers, *, more: str = "", version: str = "1.0") -> tuple[int, bytes]:
    """Adobe's form: attributes, and lists where the channels differ."""
    low, high, gamma, base, other = numbers.by_channel
    named = {"GainMapMin": low, "GainMapMax": high, "Gamma": gamma, "OffsetSDR": base, "OffsetHDR": other}
    attributes, lists = f'hdrgm:Version="{version}" dc:creator="{secret("xmp").decode()}" {more}', ""
    for name, value in zip(("HDRCapacityMin", "HDRCapacityMax"), numbers.headrooms, strict=True):
        attributes += f' hdrgm:{name}="{value}"'
    for name, values in named.items():
        if len(set(values)) == 1:
            attributes += f"\n   hdrgm:{name}='{values[0]}'"
        else:
            items = "\n".join(f"<rdf:li>{value}</rdf:li>" for value in values)
            lists += f"<hdrgm:{name}>\n<rdf:Seq>\n{items}\n</rdf:Seq>\n</hdrgm:{name}>"
    return 0xE1, XMP + (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        f' {attributes}>{lists}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iso_segment(numbers: Numbers, *, flags: int = 0x40, version: int = 0, common: int = 0) -> tuple[int, bytes]:
    """ISO 21496-1, each number with a denominator of its own, or with a ``common`` one."""
    channels = 1 if all(len(set(values)) == 1 for values in numbers.by_channel) else 3
    flags |= (0x80 if channels == 3 else 0) | (0x08 if common else 0)
    values = list(numbers.headrooms)
    for channel in range(channels):
        values += [each[channel] for each in numbers.by_channel]
    content = struct.pack(">HHB", version, 0, flags) + (struct.pack(">I", common) if common else b"")
    for number, value in enumerate(values):
        denominator = common or 1000 + number
        content += struct.pack(">i", round(value * denominator)) + (b"" if common else struct.pack(">I", denominator))
    return 0xE2, ISO + content


def iphone_segment(headroom: str | None) -> tuple[int, bytes]:
    given = f'HDRGainMap:HDRGainMapHeadroom="{headroom}"' if headroom else ""
    return 0xE1, XMP + (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/"'
        ' xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" HDRGainMap:HDRGainMapVersion="131072"'
        f' apdi:AuxiliaryImageType="urn:com:apple:photo:2020:aux:hdrgainmap" {given}/></rdf:RDF></x:xmpmeta>'
    ).encode()


def iphone_note(numbers: Sequence[float] = NOTE_NUMBERS) -> bytes:
    """The camera's notes, with a secret and, as signed fractions, tags 33 and 48."""
    values = b"".join(struct.pack(">ii", round(value * 10_000), 10_000) for value in numbers)
    begins = 16 + 12 * 3 + 4
    tags = struct.pack(">HHII", 1, 9, 1, 14)
    for position, tag in enumerate((33, 48)):
        tags += struct.pack(">HHII", tag, 10, 1, begins + 8 * position)
    return b"Apple iOS\0\0\1MM" + struct.pack(">H", 3) + tags + bytes(4) + values + secret("makernote")


@dataclass(frozen=True, slots=True)
class Kind:
    """Who writes it how: the segment of the map, and the camera's notes."""

    segment: Callable[[Numbers], tuple[int, bytes]]
    numbers: Numbers = GRAY
    note: bytes = secret("makernote")


KINDS: Final[Mapping[str, Kind]] = {
    "ultra-hdr": Kind(xmp_segment),
    "ultra-hdr-colored": Kind(xmp_segment, COLORED),
    "iso": Kind(iso_segment),
    "iso-colored": Kind(lambda numbers: iso_segment(numbers, common=100_000), COLORED),
    "iphone": Kind(lambda _: iphone_segment(str(HEADROOM))),
    "older-iphone": Kind(lambda _: iphone_segment(None), note=iphone_note()),
}


def original(
    kind: str,
    size: tuple[int, int] = SIZE,
    *,
    orientation: int = 1,
    numbers: Numbers | None = None,
    **options: Any,
) -> bytes:
    """A photo of `scene` with a map at half of its sides; ``options`` are Pillow's for the map."""
    about = KINDS[kind]
    exif = metadata.exif(orientation, note=about.note)
    picture = jpeg(laid(scene(size), orientation), exif=exif, subsampling=0)
    upright = light((size[0] // 2, size[1] // 2), colored=about.numbers == COLORED)
    segment = about.segment(numbers or about.numbers)
    return with_pictures(picture, map_file(laid(upright, orientation), segment, **options))
