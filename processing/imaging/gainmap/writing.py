"""Writes a variant and its gain map as one file: Ultra HDR 1.1 and ISO 21496-1 at once, with nothing else in it.

Both, because libultrahdr's reader of XMP takes no lists of three, and some programs know only the older form.
https://developer.android.com/media/platform/hdr-image-format
"""

import io
import struct
from typing import Final

from processing.imaging.gainmap.model import HDRGM, ISO, XMP, GainMap
from processing.imaging.gainmap.reading import COMMON_DENOMINATOR, MP_ENTRIES, MULTICHANNEL, USES_BASE_COLORS

QUALITY: Final = 80
DENOMINATOR: Final = 1_000_000  # of every number in ISO's form; XMP has six decimals
APP0, APP1, APP2 = 0xE0, 0xE1, 0xE2
INDEX_BYTES: Final = 90  # of the multi-picture index as a segment
PRIMARY: Final = 0x030000  # "baseline MP primary image": CIPA DC-007
XMP_FORM: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:hdrgm="{hdrgm}"{attributes}>{content}</rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)
CONTAINER: Final = "http://ns.google.com/photos/1.0/container/"
DIRECTORY: Final = (
    "<Container:Directory><rdf:Seq>"
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="GainMap"'
    ' Item:Length="{length}"/></rdf:li>'
    "</rdf:Seq></Container:Directory>"
)


def joined(variant: bytes, gain_map: GainMap) -> bytes:
    """The variant's JPEG with its map: the picture, which every reader shows, and behind it the map as another JPEG."""
    second = _map_file(gain_map)
    start = _end_of_headers(variant)
    namespaces = f' xmlns:Container="{CONTAINER}" xmlns:Item="{CONTAINER}item/" hdrgm:Version="1.0"'
    before = variant[:start] + _xmp(namespaces, DIRECTORY.format(length=len(second))) + _segment(APP2, ISO + bytes(4))
    first_bytes = len(before) + INDEX_BYTES + len(variant) - start
    index = _index(first_bytes, len(second), second_at=first_bytes - len(before) - 8)
    return b"".join((before, index, variant[start:], second))


def _map_file(gain_map: GainMap) -> bytes:
    out = io.BytesIO()
    gain_map.picture.save(out, "JPEG", quality=QUALITY, optimize=True, subsampling=0)  # 4:4:4: these are exponents
    jpeg = out.getvalue()
    start = _end_of_headers(jpeg)
    attributes, lists = _numbers_as_xmp(gain_map)
    iso = _segment(APP2, ISO + _numbers_as_iso(gain_map))
    return b"".join((jpeg[:start], _xmp(attributes, lists), iso, jpeg[start:]))


def _numbers_as_xmp(gain_map: GainMap) -> tuple[str, str]:
    """Attributes, and lists as elements where the channels differ."""
    named = {
        "GainMapMin": gain_map.minimum,
        "GainMapMax": gain_map.maximum,
        "Gamma": gain_map.gamma,
        "OffsetSDR": gain_map.offset_sdr,
        "OffsetHDR": gain_map.offset_hdr,
        "HDRCapacityMin": (gain_map.capacity_min,),
        "HDRCapacityMax": (gain_map.capacity_max,),
    }
    attributes, lists = ' hdrgm:Version="1.0" hdrgm:BaseRenditionIsHDR="False"', ""
    for name, values in named.items():
        if len(set(values)) == 1:
            attributes += f' hdrgm:{name}="{values[0]:.6f}"'
        else:
            items = "".join(f"<rdf:li>{value:.6f}</rdf:li>" for value in values)
            lists += f"<hdrgm:{name}><rdf:Seq>{items}</rdf:Seq></hdrgm:{name}>"
    return attributes, lists


def _numbers_as_iso(gain_map: GainMap) -> bytes:
    """ISO 21496-1, annex C, with one denominator for all."""
    channels = 1 if gain_map.has_one_curve else 3
    numbers = [gain_map.capacity_min, gain_map.capacity_max]
    numbers += [values[channel] for channel in range(channels) for values in gain_map.by_channel]
    flags = USES_BASE_COLORS | COMMON_DENOMINATOR | (MULTICHANNEL if channels == 3 else 0)
    tops = [round(number * DENOMINATOR) for number in numbers]
    return struct.pack(f">HHBI2I{'iiIii' * channels}", 0, 0, flags, DENOMINATOR, *tops)


def _index(first_bytes: int, second_bytes: int, *, second_at: int) -> bytes:
    """The multi-picture index of two pictures: CIPA DC-007; ``second_at`` counts from its byte order."""
    version = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
    count = struct.pack(">HHII", 0xB001, 4, 1, 2)
    entries = struct.pack(">HHII", MP_ENTRIES, 7, 32, 50)
    header = struct.pack(">4sIH", b"MM\0*", 8, 3)
    pictures = struct.pack(">IIIHHIIIHH", PRIMARY, first_bytes, 0, 0, 0, 0, second_bytes, second_at, 0, 0)
    return _segment(APP2, b"MPF\0" + header + version + count + entries + bytes(4) + pictures)


def _xmp(attributes: str, content: str) -> bytes:
    return _segment(APP1, XMP + XMP_FORM.format(hdrgm=HDRGM, attributes=attributes, content=content).encode())


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _end_of_headers(jpeg: bytes) -> int:
    """Behind JFIF and EXIF, which come first by their own rules."""
    at = 2
    while jpeg[at + 1] in (APP0, APP1):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return at
