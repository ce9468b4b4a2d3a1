"""The boxes of AVIF and HEIC: the properties of the picture that is shown, and not of its gain map or its tiles.

ISO/IEC 14496-12, sections 4.2 and 8.11, and ISO/IEC 23008-12, section 9.3.
"""

import struct
from collections.abc import Iterator, Mapping


def property_of(data: bytes, kind: bytes) -> bytes | None:
    """The content of the first box of a type and its own name, such as ``b"colrnclx"``, of the picture that is shown.

    A picture of tiles may have it on its tiles, an animation in its track: then all boxes of that name must be equal.
    """
    for name, place in _boxes(data):
        if name not in (b"meta", b"moov"):
            continue
        content = data[place]
        try:
            own = [each for each in _primary_properties(content) if each.startswith(kind)] if name == b"meta" else []
        except (struct.error, LookupError):
            own = []
        if own:
            return own[0][len(kind) :]
        found = {content[at + len(kind) : _end(content, at)] for at in _places(content, kind)}
        if len(found) == 1:
            return found.pop()
    return None


def _primary_properties(meta: bytes) -> Iterator[bytes]:
    """Type and content of each."""
    inner = dict(_contents(meta[4:]))
    parts = list(_contents(inner[b"iprp"]))
    properties = [kind + content for kind, content in _contents(dict(parts)[b"ipco"])]
    primary = struct.unpack_from(">I" if inner[b"pitm"][0] else ">H", inner[b"pitm"], 4)[0]
    for kind, content in parts:
        if kind == b"ipma":
            yield from (properties[number - 1] for number in _associations(content).get(primary, ()) if number)


def _associations(ipma: bytes) -> Mapping[int, list[int]]:
    """The numbers of each item's properties, from 1."""
    version, is_wide = ipma[0], ipma[3] & 1
    item, number, mask = ">I" if version else ">H", ">H" if is_wide else ">B", 0x7FFF if is_wide else 0x7F
    (items,), at, found = struct.unpack_from(">I", ipma, 4), 8, {}
    for _ in range(items):
        (name,) = struct.unpack_from(item, ipma, at)
        at += struct.calcsize(item)
        size, count = struct.calcsize(number), ipma[at]
        found[name] = [struct.unpack_from(number, ipma, at + 1 + size * each)[0] & mask for each in range(count)]
        at += 1 + size * count
    return found


def _contents(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    return ((kind, data[place]) for kind, place in _boxes(data))


def _boxes(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Type and content; the last one may be cut off."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = 8
        if length == 1 and at + 16 <= len(data):
            (length,), start = struct.unpack_from(">Q", data, at + 8), 16
        end = at + length if length else len(data)
        yield kind, slice(at + start, end)
        at = end


def _places(data: bytes, kind: bytes) -> Iterator[int]:
    at = data.find(kind)
    while at >= 4:
        yield at
        at = data.find(kind, at + 1)


def _end(data: bytes, at: int) -> int:
    """Of the box whose type is there."""
    return at - 4 + int.from_bytes(data[at - 4 : at], "big")
