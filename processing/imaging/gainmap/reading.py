"""Finds the gain map of a JPEG. A map that is not understood, or is out of proportion, is none: nothing is guessed."""

import io
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from PIL import Image, JpegImagePlugin

from processing.geometry import FINEST
from processing.imaging import exif
from processing.imaging.gainmap.model import HDRGM, ISO, XMP, Channels, GainMap, three
from processing.picture import Size
from processing.recipe import Limits

MP_ENTRIES: Final = 0xB002  # the tag of the list of pictures: CIPA DC-007
MOST_PICTURES: Final = 8  # that are looked at, beside the picture itself: an index may list thousands
MOST_BYTES: Final = 1 << 24  # of a map, of which a copy is made beyond the memory estimate
MOST_SHARE: Final = 2  # pixels of the map for one of the picture: libavif's samples have one that is larger
MULTICHANNEL, USES_BASE_COLORS, COMMON_DENOMINATOR, BACKWARD = 0x80, 0x40, 0x08, 0x04  # ISO 21496-1, annex C
HEADROOM_TAG, GAIN_TAG, SIGNED_RATIONAL = 33, 48, 10  # of the notes of an iPhone


def find(data: bytes, image: Any, limits: Limits) -> GainMap | None:
    """The gain map of an open JPEG, not decoded; None where there is none that can be kept."""
    try:
        others = list(islice(_others(image), MOST_PICTURES))
    except exif.BROKEN:
        return None
    parts = (data[start : start + length] for start, length in others if length <= MOST_BYTES)
    return next(filter(None, (_read(part, image, limits) for part in parts)), None)


def decoded(gain_map: GainMap, frame: Size) -> GainMap | None:
    """The map, decoded at the smallest scale that is fine enough for a variant whose frame, as stored, is ``frame``.

    None where its pixels are damaged.
    """
    picture = gain_map.picture
    try:
        picture.draft(None, (math.ceil(frame[0] * FINEST), math.ceil(frame[1] * FINEST)))
        picture.load()
    except exif.BROKEN:
        return None
    if gain_map.levels is not None:
        picture = picture.convert("L").point(gain_map.levels)
    picture.info = {}  # a JPEG's comment would be written again
    return replace(gain_map, picture=picture, levels=None)


def _others(image: Any) -> Iterator[tuple[int, int]]:
    """Start and length of each further picture in the file, by its multi-picture index: CIPA DC-007."""
    index: bytes = image.info.get("mp", b"")
    if not index:
        return
    order = ">" if index.startswith(b"MM") else "<"
    (at,) = struct.unpack_from(f"{order}I", index, 4)
    (tags,) = struct.unpack_from(f"{order}H", index, at)
    for number in range(tags):
        tag, _, length, where = struct.unpack_from(f"{order}HHII", index, at + 2 + 12 * number)
        if tag != MP_ENTRIES:
            continue
        for entry in range(where + 16, where + length, 16):  # the first is the picture itself
            _, size, offset = struct.unpack_from(f"{order}3I", index, entry)
            yield image.info["mpoffset"] + offset, size


def _read(part: bytes, image: Any, limits: Limits) -> GainMap | None:
    try:
        found = _parse(part, image, limits)
    except exif.BROKEN:
        return None
    return found if found and found.picture.mode in ("L", "RGB") and found.is_valid() else None


def _parse(part: bytes, image: Any, limits: Limits) -> GainMap | None:
    file = io.BytesIO(part)
    picture: Any = JpegImagePlugin.JpegImageFile(file)
    _replace_end(file, part)
    pixels, kind = picture.width * picture.height, "progressive" if "progressive" in picture.info else "jpeg"
    if pixels > min(MOST_SHARE * image.width * image.height, limits.max_pixels[kind]):
        return None
    xmp, iso = (_segment(picture, mark) for mark in (XMP, ISO))
    text = xmp.decode("utf-8", "replace")
    if iso:
        return _from_iso(iso, picture)
    if HDRGM in text:
        return _from_xmp(text, picture)
    return _from_iphone(text, picture, image) if "HDRGainMap" in text else None


def _replace_end(file: io.BytesIO, part: bytes) -> None:
    """Write 64 one-bits over the end marker of an open JPEG, where one scan holds all of it.

    libjpeg paints gray what is missing before that marker. No Huffman code consists of ones alone (ITU-T T.81, annex
    C): a decoder that has all of its data ends before them, any other runs dry, which Pillow reports.

    Raises:
        ValueError: there is no end marker.
    """
    scan = file.tell()  # behind the header of the first scan, where Pillow stops
    end = part.index(b"\xff\xd9", scan)
    if b"\xff\xda" not in part[scan:end]:
        file.seek(end)
        file.truncate()
        file.write(b"\xff\x00" * 8)
        file.seek(scan)


def _segment(picture: Any, mark: bytes) -> bytes:
    return next((content[len(mark) :] for _, content in picture.applist if content.startswith(mark)), b"")


def _from_iso(content: bytes, picture: Image.Image) -> GainMap | None:
    """ISO 21496-1, annex C: a version, flags, two headrooms and five numbers for each channel, all as fractions."""
    version, _, flags = struct.unpack_from(">HHB", content)
    if version or flags & BACKWARD or not flags & USES_BASE_COLORS:  # the HDR picture first; or colors of another one
        return None
    channels = 3 if flags & MULTICHANNEL else 1
    if flags & COMMON_DENOMINATOR:
        denominator, *tops = struct.unpack_from(f">3I{'iiIii' * channels}", content, 5)
        values = [top / denominator for top in tops]
    else:
        parts = struct.unpack_from(f">4I{'iIiIIIiIiI' * channels}", content, 5)
        values = [top / bottom for top, bottom in zip(parts[::2], parts[1::2], strict=True)]
    capacity_min, capacity_max, *rest = values
    minimum, maximum, gamma, offset_sdr, offset_hdr = (_repeated(rest[number::5]) for number in range(5))
    return GainMap(picture, minimum, maximum, gamma, offset_sdr, offset_hdr, capacity_min, capacity_max)


def _from_xmp(text: str, picture: Image.Image) -> GainMap | None:
    """Ultra HDR 1.1 and Adobe's "Gain map" 1.0: attributes, or lists of three as elements."""

    def numbers(name: str, default: str) -> Channels:
        # Bounded, so that a text of many beginnings and no end takes no time
        found = re.search(rf"hdrgm:{name}(?:\s*=\s*[\"']([^\"'<]*)|\s*>(.{{,500}}?)</hdrgm:{name})", text, re.DOTALL)
        given = re.sub(r"<[^<>]*>", " ", found[1] or found[2]) if found else default
        return _repeated([float(number) for number in given.split()])

    if re.search(r"BaseRenditionIsHDR[^TF]{1,5}True", text):
        return None
    return GainMap(
        picture,
        minimum=numbers("GainMapMin", "0"),
        maximum=numbers("GainMapMax", ""),
        gamma=numbers("Gamma", "1"),
        offset_sdr=numbers("OffsetSDR", "0.015625"),
        offset_hdr=numbers("OffsetHDR", "0.015625"),
        capacity_min=numbers("HDRCapacityMin", "0")[0],
        capacity_max=numbers("HDRCapacityMax", "")[0],
    )


def _repeated(values: list[float]) -> Channels:
    """One number for each channel, from one or three.

    Raises:
        ValueError: there are none, or two.
    """
    return three(values * 3 if len(values) == 1 else values)


def _from_iphone(text: str, picture: Image.Image, image: Image.Image) -> GainMap:
    """An iPhone's map is no logarithm: HDR = SDR * (1 + (headroom - 1) * level), with the level coded as in Rec. 709.

    https://developer.apple.com/documentation/appkit/applying-apple-hdr-effect-to-your-photos

    Raises:
        ArithmeticError, ValueError: the headroom is none.
    """
    given = re.search(r"HDRGainMapHeadroom\W{1,3}([\d.]+)", text)
    headroom = float(given[1]) if given else _headroom_of_note(exif.maker_note(image))
    # A headroom of 1 divides by zero below, and an infinite one gives no number for a level
    stops = math.log2(headroom)
    levels = [round(255 * math.log2(1 + (headroom - 1) * _linear(level / 255)) / stops) for level in range(256)]
    zero, one, most = (three([value] * 3) for value in (0.0, 1.0, stops))
    return GainMap(picture, zero, most, one, zero, zero, 0.0, stops, levels)


def _linear(level: float) -> float:
    """ITU-R BT.709, item 1.2, inverted."""
    return level / 4.5 if level < 0.081 else ((level + 0.099) / 1.099) ** (1 / 0.45)


def _headroom_of_note(note: bytes) -> float:
    """From two numbers in the camera's notes, by the same article; 1 where they are missing."""
    if not note.startswith(b"Apple iOS\0"):
        return 1.0
    found = {}
    (tags,) = struct.unpack_from(">H", note, 14)
    for number in range(tags):
        tag, kind, _, where = struct.unpack_from(">HHII", note, 16 + 12 * number)
        if tag in (HEADROOM_TAG, GAIN_TAG) and kind == SIGNED_RATIONAL:
            top, bottom = struct.unpack_from(">ii", note, where)
            found[tag] = top / bottom
    headroom, gain = found[HEADROOM_TAG], found[GAIN_TAG]
    if headroom < 1:
        stops = 1.8 - 20 * gain if gain <= 0.01 else 1.601 - 0.101 * gain
    else:
        stops = 3.0 - 70 * gain if gain <= 0.01 else 2.303 - 0.303 * gain
    return math.exp2(stops)
