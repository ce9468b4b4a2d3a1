"""Detects the properties of an original that variants cannot keep, so that their loss is recorded.

Of these, JPEGs can keep a gain map: `render` takes it off the list where every variant did.
"""

import struct
from typing import Any, Final

from processing.imaging import color
from processing.imaging.original import Original

# The start of a C2PA manifest store in every container: JUMBF's content type for it (C2PA 2.1, section 11.1).
C2PA: Final = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
JPEG_GAIN_MAPS: Final = (
    b"http://ns.adobe.com/hdr-gain-map/1.0/",  # Ultra HDR
    b"urn:iso:std:iso:ts:21496:-1",  # ISO 21496-1
    b"http://ns.apple.com/HDRGainMap/1.0/",  # iPhone
)
BOX_GAIN_MAPS: Final = (
    b":aux:hdrgainmap",  # urn:com:apple:photo:2020 of iPhones, urn:com:samsung:photo:2024
    b"tmap",  # ISO 21496-1: the type of the derived image
)
SQUARE: Final = 0.02  # the difference up to which a ratio comes from rounding
BITS_PER_SAMPLE: Final = 258  # TIFF's tag


def losses(original: Original) -> set[str]:
    """The properties found, by name: animation, c2pa, hdr_gain_map, extra_images, pages, bit_depth, hdr, pixel_aspect,
    wide_gamut.
    """
    find = {"jpeg": _of_jpeg, "png": _of_png, "tiff": _of_tiff, "avif": _of_boxes, "heic": _of_boxes}
    found = find.get(original.header.image_format, _of_any)(original)
    if not _has_square_pixels(original):
        found.add("pixel_aspect")
    if original.icc and color.is_wider_than_srgb(original.icc):
        found.add("wide_gamut")
    return found


def _of_any(original: Original) -> set[str]:
    return {"c2pa"} if C2PA in original.data else set()


def _of_jpeg(original: Original) -> set[str]:
    image: Any = original.image
    found = {"c2pa" for name, segment in image.applist if name == "APP11" and C2PA in segment}
    if "mp" in image.info:  # more than one picture in the file
        found.add("hdr_gain_map" if any(mark in original.data for mark in JPEG_GAIN_MAPS) else "extra_images")
    return found


def _of_png(original: Original) -> set[str]:
    image: Any = original.image
    found = {"animation"} if image.lost_animation else set()
    return found | _of_any(original) | _of_depth(original.data[24]) | _of_transfer(original)


def _of_tiff(original: Original) -> set[str]:
    image: Any = original.image
    found = _of_any(original) | _of_depth(max(image.tag_v2.get(BITS_PER_SAMPLE, (8,))))
    return found | ({"pages"} if image.tag_v2.next else set())


def _of_boxes(original: Original) -> set[str]:
    """Of AVIF and HEIC: by the boxes before the coded pixels."""
    head = original.data[: original.data.find(b"mdat")]
    found = _of_any(original)
    if any(mark in head for mark in BOX_GAIN_MAPS):
        found.add("hdr_gain_map")
    elif original.header.image_format == "heic" and getattr(original.image, "n_frames", 1) > 1:
        found.add("extra_images")
    depth = head.find(b"pixi")
    found |= _of_depth(head[depth + 9]) if 0 < depth < len(head) - 9 else set()
    return found | _of_transfer(original)


def _of_depth(bits: int) -> set[str]:
    return {"bit_depth"} if bits > 8 else set()


def _has_square_pixels(original: Original) -> bool:
    """Whether the pixels are as wide as high, by what the file says; most viewers show them so in any case."""
    data, info = original.data, original.image.info
    pair = info.get("jfif_density") or info.get("aspect") or info.get("dpi") or info.get("resolution")
    if original.header.image_format == "gif":
        pair = (data[12] + 15, 64) if data[12] else None  # GIF89a, section 18
    elif original.header.image_format in ("avif", "heic"):
        at = data.find(b"pasp", 0, data.find(b"mdat"))
        pair = struct.unpack_from(">II", data, at + 4) if 0 < at < len(data) - 12 else None
    try:
        across, down = (float(each) for each in pair or (1, 1))
    except (TypeError, ValueError, ArithmeticError):
        return True
    return not (across > 0 and down > 0) or abs(across / down - 1) < SQUARE


def _of_transfer(original: Original) -> set[str]:
    return {"hdr"} if color.is_hdr(original.header.image_format, original.data) else set()
