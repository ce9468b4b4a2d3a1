"""Of a HEIC or AVIF with several pictures, the properties of the one that is shown."""

import struct

import pytest

from processing.imaging import boxes

P3, PQ = struct.pack(">4HB", 12, 13, 6, 0, 128)[:7], struct.pack(">4HB", 9, 16, 9, 0, 128)[:7]


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def meta(*, primary=1, items=None, properties=(b"nclx" + PQ, b"nclx" + P3), wide=False):
    """A meta box; ``items`` has the numbers of each one's properties."""
    items = {1: [2], 2: [1]} if items is None else items
    name, number = (">I", ">H") if wide else (">H", ">B")
    listed = struct.pack(">I", len(items))
    for item, numbers in items.items():
        listed += struct.pack(name, item) + bytes((len(numbers),))
        listed += b"".join(struct.pack(number, each | (0x8000 if wide else 0x80)) for each in numbers)
    flags = b"\1\0\0\1" if wide else bytes(4)
    parts = box(b"ipco", b"".join(box(b"colr", each) for each in properties)) + box(b"ipma", flags + listed)
    chosen = box(b"pitm", flags[:1] + bytes(3) + struct.pack(name, primary))
    return box(b"ftyp", b"avif") + box(b"meta", bytes(4) + chosen + box(b"iprp", parts))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("primary", "expected"), [(1, P3), (2, PQ)])
def test_the_property_of_the_primary_picture_is_found_whatever_the_order(primary, expected, wide):
    assert boxes.property_of(meta(primary=primary, wide=wide), b"colrnclx") == expected


def test_a_picture_may_have_a_profile_and_code_points():
    two = (b"prof....", b"nclx" + P3)

    assert boxes.property_of(meta(items={1: [1, 2]}, properties=two), b"colrnclx") == P3


def test_a_property_that_only_tiles_have_counts_where_all_are_equal():
    equal, different = (b"nclx" + P3, b"nclx" + P3), (b"nclx" + P3, b"nclx" + PQ)

    assert boxes.property_of(meta(primary=3, properties=equal), b"colrnclx") == P3
    assert boxes.property_of(meta(primary=3, properties=different), b"colrnclx") is None


def test_an_animation_has_it_in_its_track():
    track = box(b"moov", box(b"trak", box(b"colr", b"nclx" + P3)))

    assert boxes.property_of(box(b"ftyp", b"avis") + track, b"colrnclx") == P3


def test_in_coded_pixels_there_is_none():
    assert boxes.property_of(box(b"ftyp", b"avif") + box(b"mdat", box(b"colr", b"nclx" + P3)), b"colrnclx") is None


def test_no_damage_to_the_boxes_raises_an_error():
    whole = meta()

    for at in range(len(whole)):
        for byte in (0, 1, 0x7F, 0xFF):
            boxes.property_of(whole[:at] + bytes((byte,)) + whole[at + 1 :], b"colrnclx")
        boxes.property_of(whole[:at], b"colrnclx")
