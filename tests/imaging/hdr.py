"""Gain maps as others see them: a parser of the tests' own, and HDR pixels by libvips and by the definition.

In linear light, where 1 is the white of an SDR picture; differences are in stops.
"""

import io
import struct
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pyvips
from PIL import Image

from tests.corpus.gain_maps import HEADROOM, ISO, XMP, Numbers

DARKEST = 0.02  # below it a level of 8 bits is a large part of a stop
HDRGM = "{http://ns.adobe.com/hdr-gain-map/1.0/}"
CONTAINER = "{http://ns.google.com/photos/1.0/container/}"
ITEM = "{http://ns.google.com/photos/1.0/container/item/}"


@dataclass(frozen=True)
class Parsed:
    """A variant's two JPEGs, each with the content of its segments by their beginnings."""

    first: bytes
    second: bytes

    @property
    def map_length(self) -> int:
        """As the XMP of the first one gives it."""
        items = {item.get(f"{ITEM}Semantic"): item for item in _xml(self.first).iter(f"{CONTAINER}Item")}
        assert items.keys() == {"Primary", "GainMap"}
        return int(items["GainMap"].get(f"{ITEM}Length") or 0)

    @property
    def numbers_of_xmp(self) -> Numbers:
        (description,) = _xml(self.second).iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
        assert description.get(f"{HDRGM}Version") == "1.0"
        assert description.get(f"{HDRGM}BaseRenditionIsHDR") == "False"

        def three(name: str) -> Any:
            within = description.find(f"{HDRGM}{name}")
            texts = [description.get(f"{HDRGM}{name}")] * 3 if within is None else [li.text for li in within[0]]
            return tuple(float(text or "nan") for text in texts)

        headrooms = tuple(float(description.get(f"{HDRGM}HDRCapacity{end}") or "nan") for end in ("Min", "Max"))
        names = ("GainMapMin", "GainMapMax", "Gamma", "OffsetSDR", "OffsetHDR")
        return Numbers(headrooms, *map(three, names))  # type: ignore[arg-type]

    @property
    def numbers_of_iso(self) -> Numbers:
        content = segment(self.second, ISO)
        least, _, flags, denominator = struct.unpack(">HHBI", content[:9])
        assert least == 0
        assert flags & ~0x80 == 0x48  # the base picture's colors; one denominator
        count = (len(content) - 9) // 4
        assert count == (17 if flags & 0x80 else 7)
        values = [value / denominator for value in struct.unpack(f">{count}i", content[9:])]
        rows = [values[start : start + 5] for start in range(2, count, 5)]
        columns = zip(*(rows if len(rows) == 3 else rows * 3), strict=True)
        return Numbers((values[0], values[1]), *(tuple(column) for column in columns))


def parsed(data: bytes) -> Parsed:
    """Split by the multi-picture index, every field of which is checked."""
    index = segment(data, b"MPF\0")
    assert index[:10] == b"MM\0*\0\0\0\x08\0\x03"
    tags = [struct.unpack_from(">HHI", index, 10 + 12 * number) for number in range(3)]
    assert tags == [(0xB000, 7, 4), (0xB001, 4, 1), (0xB002, 7, 32)]
    assert index[18:22] == b"0100"
    assert struct.unpack_from(">I", index, 30) == (2,)
    (entries,) = struct.unpack_from(">I", index, 42)
    kind, first_bytes, first_at, *_ = struct.unpack_from(">IIIHH", index, entries)
    _, second_bytes, second_at, *_ = struct.unpack_from(">IIIHH", index, entries + 16)
    assert (kind, first_at) == (0x030000, 0)
    assert data.index(b"MPF\0") + 4 + second_at == first_bytes
    assert first_bytes + second_bytes == len(data)
    return Parsed(data[:first_bytes], data[first_bytes:])


def segment(jpeg: bytes, mark: bytes) -> bytes:
    """What stands behind ``mark`` in the one segment that begins with it."""
    found, at = [], 2
    while jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append(jpeg[at + 4 : at + 2 + length])
        at += 2 + length
    (content,) = [each[len(mark) :] for each in found if each.startswith(mark)]
    return content


def _xml(jpeg: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(segment(jpeg, XMP))


def by_vips(data: bytes) -> Any:
    """The pixels on a screen of unlimited headroom, upright, by libultrahdr."""
    return pyvips.Image.uhdrload_buffer(data).uhdr2scRGB().autorot().copy_memory()


def facts_by_vips(data: bytes) -> dict[str, Any]:
    image = pyvips.Image.uhdrload_buffer(data)
    return {
        name.removeprefix("gainmap-"): image.get(name) for name in image.get_fields() if name.startswith("gainmap-")
    }


def sdr(data: bytes) -> Any:
    """The pixels without the map, upright."""
    return pyvips.Image.jpegload_buffer(data).autorot().colourspace("scrgb").copy_memory()


def rendition(data: bytes) -> Any:
    """The pixels of a variant on such a screen by the definition; libvips takes maps in color for sRGB pictures."""
    both = parsed(data)
    return by_definition(both.first, Image.open(io.BytesIO(both.second)), both.numbers_of_iso)


def by_definition(data: bytes, light: Image.Image, numbers: Numbers) -> Any:
    """ISO 21496-1: HDR = (SDR + base offset) * 2 ** stops - other offset; ``light`` is the map, upright."""
    picture = sdr(data)
    levels = _enlarged(light, picture) / 255
    gamma = [1 / value for value in numbers.gamma]
    span = [high - low for low, high in zip(numbers.low, numbers.high, strict=True)]
    stops = (levels**gamma) * span + list(numbers.low)
    return (picture + list(numbers.base_offset)) * (stops * 0.6931471805599453).exp() - list(numbers.other_offset)


def by_apple(data: bytes, light: Image.Image, headroom: float = HEADROOM) -> Any:
    """Apple's own formula, in which the map is linear light coded by Rec. 709."""
    picture = sdr(data)
    level = _enlarged(light, picture) / 255
    linear = (level < 0.081).ifthenelse(level / 4.5, ((level + 0.099) / 1.099) ** (1 / 0.45))
    return picture * (linear * (headroom - 1) + 1)


def _enlarged(light: Image.Image, picture: Any) -> Any:
    image = pyvips.Image.new_from_memory(light.tobytes(), *light.size, len(light.getbands()), "uchar")
    return image.resize(picture.width / light.width, vscale=picture.height / light.height, kernel="linear")


def scaled(image: Any, size: tuple[int, int]) -> Any:
    return image.resize(size[0] / image.width, vscale=size[1] / image.height, kernel="lanczos3")


def luminance(image: Any) -> Any:
    """CIE Y, of the primaries of sRGB; not below `DARKEST`."""
    value = image.recomb([[0.2126, 0.7152, 0.0722]])
    return (value < DARKEST).ifthenelse(DARKEST, value)


def apart(one: Any, other: Any) -> float:
    """The mean difference in stops."""
    assert (one.width, one.height) == (other.width, other.height)
    return float((luminance(one) / luminance(other)).log().abs().avg() / 0.6931471805599453)
