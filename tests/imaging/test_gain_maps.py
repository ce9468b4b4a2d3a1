"""The HDR gain map of a JPEG is in every JPEG variant, whoever wrote it; a map that cannot be kept harms nothing."""

import io
import math
import struct
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from processing.imaging import gainmap, inspect, render
from processing.imaging.gainmap import GainMap, reading
from processing.imaging.gainmap.model import neutral, three, with_neutral
from processing.recipe import Watermark
from tests.corpus import NOTICE, planted_in, samples, scene
from tests.corpus.files import with_segments
from tests.corpus.gain_maps import (
    GRAY,
    KINDS,
    NOTE_NUMBERS,
    Numbers,
    iphone_note,
    iphone_segment,
    iso_segment,
    light,
    map_file,
    original,
    with_pictures,
    xmp_segment,
)
from tests.corpus.metadata import exif
from tests.corpus.samples import jpeg, saved
from tests.imaging import anatomy
from tests.imaging.hdr import facts_by_vips, parsed
from tests.imaging.making import LIMITS, limits, made, opened, recipe, rendered, spec

LOST = ("hdr_gain_map",)
HEADROOMS = {"iphone": 4.5, "older-iphone": 2 ** (1.8 - 20 * 0.005)}  # by Apple's article, of the numbers in the files


def expected(kind):
    """The numbers that a map has after it was read."""
    if kind not in HEADROOMS:
        return KINDS[kind].numbers
    zero, one, stops = (0.0,) * 3, (1.0,) * 3, math.log2(HEADROOMS[kind])
    return Numbers((0.0, stops), zero, (stops,) * 3, one, zero, zero)


def close(one, other, tolerance=0.002):
    flat = [[*each.headrooms, *(value for values in each.by_channel for value in values)] for each in (one, other)]
    return all(abs(a - b) <= tolerance for a, b in zip(*flat, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_every_variant_has_the_map_of_each_kind_in_both_forms(kind):
    result = render(original(kind), recipe(spec("a"), spec("b", width=48, metadata="copyright"), spec("c", width=20)))

    assert result.lost == ()
    for variant in result.variants:
        both = parsed(variant.data)
        assert both.map_length == len(both.second)
        assert close(both.numbers_of_xmp, expected(kind))
        assert close(both.numbers_of_iso, expected(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_libultrahdr_reads_the_same_numbers(kind):
    numbers = expected(kind)

    found = facts_by_vips(made(original(kind, (640, 480)), width=320).data)

    assert found["scale-factor"] == 4
    assert found["min-content-boost"] == pytest.approx([2**low for low in numbers.low], rel=0.002)
    assert found["max-content-boost"] == pytest.approx([2**high for high in numbers.high], rel=0.002)
    assert found["gamma"] == pytest.approx(numbers.gamma, rel=0.002)
    assert found["offset-sdr"] == pytest.approx(numbers.base_offset, abs=0.001)
    assert found["offset-hdr"] == pytest.approx(numbers.other_offset, abs=0.001)
    assert found["hdr-capacity-max"] == pytest.approx(2 ** numbers.headrooms[1], rel=0.002)
    assert found["use-base-cg"] == 1


@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"metadata": "copyright"}, {"width": 40}])
def test_the_picture_itself_is_as_without_the_map(settings):
    data = original("ultra-hdr")
    with_map, without = (made(data, hdr=hdr, **settings) for hdr in ("keep", "drop"))

    assert opened(with_map.data).tobytes() == opened(without.data).tobytes()
    assert len(with_map.data) > len(without.data)
    assert b"MPF" not in without.data


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_of_either_picture_is_kept(kind):
    data = original(kind)
    notice = made(data, metadata="copyright")

    assert planted_in(data) >= {"makernote", "comment", "xmp", "trailer"}
    for variant in render(data, recipe(spec(), spec("framed", width=50, height=60, fit="pad"))).variants:
        assert planted_in(variant.data) == set()
        assert anatomy.metadata("jpeg", variant.data) == anatomy.GAIN_MAP
    assert planted_in(notice.data) == set()
    assert notice.data.count(NOTICE.encode()) == 1
    assert anatomy.metadata("jpeg", notice.data) == anatomy.GAIN_MAP | anatomy.COPYRIGHT["jpeg"]
    assert list(anatomy.PARTS["jpeg"](notice.data))[:3] == ["JFIF", "E1 Exif", "gain map"]  # JFIF and EXIF come first


def test_the_parts_of_a_gain_map_are_recognized_letter_for_letter():
    variant = made(original("ultra-hdr")).data

    for old, new in ((b' hdrgm:Version="1.0"', b' hdrgm:Version="1.1"'), (b"></rdf:Desc", b">x/rdf:Desc")):
        assert anatomy.metadata("jpeg", variant.replace(old, new)) > anatomy.GAIN_MAP
    assert anatomy.metadata("jpeg", variant + b"x") > anatomy.GAIN_MAP
    assert anatomy.metadata("jpeg", original("ultra-hdr")) >= {
        "FE",
        "E2 MPF",
        "E1 http://ns.ad",
        "bytes behind the end",
    }


def test_the_map_is_lost_where_a_variant_is_without_it():
    data = original("ultra-hdr")
    keep, drop, webp = spec("keep"), spec("drop", hdr="drop"), spec("webp", format="webp")

    assert render(data, recipe(keep, drop)).lost == LOST
    assert render(data, recipe(keep, webp)).lost == LOST
    assert render(data, recipe(drop)).lost == LOST
    assert render(data, recipe(keep, webp), only=["keep"]).lost == LOST
    assert render(data, recipe(keep), only=[]).lost == ()


def test_variants_with_the_map_and_without_are_not_taken_for_the_same():
    keep, drop = render(original("iso"), recipe(spec("keep"), spec("drop", hdr="drop"))).variants

    assert parsed(keep.data).map_length
    assert anatomy.metadata("jpeg", drop.data) == set()


def test_the_other_samples_get_none():
    for sample in samples():
        if sample.image_format == "jpeg":
            assert inspect(sample.data, LIMITS).gain_map is None
            assert b"MPF" not in made(sample.data).data


def stored(*segments, picture=None, **options):
    """A photo with a map in which these segments stand."""
    return with_pictures(jpeg(), map_file(picture or light((48, 32)), *segments, **options))


def stored_file(**numbers):
    return map_file(light((48, 32)), xmp_segment(replace(GRAY, **numbers)))


def changed(**numbers):
    return with_pictures(jpeg(), stored_file(**numbers))


def cut(data, count):
    """The file without the last bytes of its map, and without what stands behind."""
    return data[: data.rindex(b"\xff\xd9") - count]


def without(name, kind="ultra-hdr"):
    """The original without one attribute of its XMP."""
    return original(kind).replace(name, b"x" * len(name))


def huge(side=65535):
    """A map that says it has this many pixels a side."""
    data = original("ultra-hdr")
    at = data.rindex(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :]


def noted(*numbers, note=None):
    picture = saved(scene(), "JPEG", exif=exif(note=note or iphone_note(numbers)))
    return with_pictures(picture, map_file(light((48, 32)), iphone_segment(None)))


BAD = {
    "a map that breaks off": lambda: cut(original("ultra-hdr"), 300),
    "a map that breaks off in its headers": lambda: original("ultra-hdr")[
        : original("ultra-hdr").index(b"hdrgm:Version")
    ],
    "no numbers": lambda: changed(high=(float("nan"),) * 3),
    "infinite": lambda: changed(high=(float("inf"),) * 3),
    "9e99": lambda: changed(high=(9e99,) * 3),
    "gamma 0": lambda: changed(gamma=(0.0,) * 3),
    "gamma too small to be written": lambda: changed(gamma=(1e-7,) * 3),
    "negative gamma in one channel": lambda: changed(gamma=(1.0, -1.0, 1.0)),
    "a maximum that is the minimum": lambda: changed(high=(0.0,) * 3),
    "a headroom that ends where it begins": lambda: changed(headrooms=(2.0, 2.0)),
    "a negative headroom": lambda: changed(headrooms=(-1.0, 2.0)),
    "no maximum": lambda: without(b"hdrgm:GainMapMax"),
    "no headroom": lambda: without(b"hdrgm:HDRCapacityMax"),
    "words for numbers": lambda: original("ultra-hdr").replace(b"GainMapMax='2.5'", b"GainMapMax='two'"),
    "two numbers": lambda: original("ultra-hdr").replace(b"GainMapMax='2.5'", b"GainMapMax='2 3'"),
    "HDR as the base": lambda: stored(xmp_segment(GRAY, more='hdrgm:BaseRenditionIsHDR="True"')),
    "HDR as the base, in ISO": lambda: stored(iso_segment(GRAY, flags=0x44)),
    "the colors of another profile": lambda: stored(iso_segment(GRAY, flags=0)),
    "a later version": lambda: stored(iso_segment(GRAY, version=1)),
    "a short list": lambda: stored((0xE2, iso_segment(GRAY)[1][:-4])),
    "a denominator of 0": lambda: stored((0xE2, iso_segment(GRAY)[1][:-4] + bytes(4))),
    "an iPhone without headroom": lambda: stored(iphone_segment("1.0")),
    "an iPhone with too much of it": lambda: stored(iphone_segment("9" * 400)),
    "an iPhone with two points": lambda: stored(iphone_segment("4.5.1")),
    "another camera's notes": lambda: noted(note=b"Nikon iOS\0" + iphone_note()[10:]),
    "no tag 48": lambda: noted(0.9, 0.005, note=iphone_note().replace(b"\0\x30\0\x0a", b"\0\x31\0\x0a")),
    "a tag 33 of another type": lambda: noted(note=iphone_note().replace(b"\0\x21\0\x0a", b"\0\x21\0\x09")),
    "an iPhone that is darker": lambda: stored(iphone_segment("0.5")),
    "notes that break off": lambda: noted(note=iphone_note()[:40]),
    "65535 x 65535": huge,
    "more than twice the picture's pixels": lambda: stored(xmp_segment(GRAY), picture=light((97, 128))),
    "a map in CMYK": lambda: stored(xmp_segment(GRAY), picture=scene((48, 32)).convert("CMYK"), subsampling=-1),
    "an offset behind the end": lambda: with_pictures(jpeg(), stored_file(), offset=2**32 - 1),
    "an offset into the picture": lambda: with_pictures(jpeg(), stored_file(), offset=999),
    "an index that breaks off": lambda: with_segments(jpeg(), (0xE2, b"MPF\0II*\0\x08\0\0\0\x03")) + stored_file(),
    "an index that points behind itself": lambda: stored(xmp_segment(GRAY)).replace(
        b"II*\0\x08\0\0\0\x03", b"II*\0\xff\xff\0\0\x03"
    ),
    "a length of nothing": lambda: with_pictures(jpeg(), stored_file(), length=1),
}


def test_a_map_that_is_not_in_this_list_is_kept():
    """The builders of bad maps make good ones where nothing is wrong."""
    for good in (stored(xmp_segment(GRAY)), stored(iso_segment(GRAY)), changed(), noted(*NOTE_NUMBERS), huge(64)):
        assert inspect(good, LIMITS).gain_map is not None
    assert rendered(noted(*NOTE_NUMBERS)).lost == ()
    assert rendered(stored(xmp_segment(GRAY), picture=light((96, 128)))).lost == ()
    assert rendered(stored(iphone_segment("1.1"))).lost == ()


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_map_is_lost_and_the_picture_is_not(make):
    data = make()

    result = rendered(data)

    assert result.lost == LOST
    assert anatomy.metadata("jpeg", result.variants[0].data) == set()
    assert result.variants[0].data == made(jpeg_alone(data)).data


def jpeg_alone(data):
    """The first picture of a file, without the index of the others."""
    at = data.index(b"MPF\0") - 4
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize(
    ("headroom", "gain", "stops"), [(0.9, 0.005, 1.7), (0.9, 0.5, 1.5505), (1.0, 0.01, 2.3), (1.2, 1, 2.0)]
)
def test_the_headroom_of_an_older_iphone_is_what_apple_s_article_says(headroom, gain, stops):
    variant = made(noted(headroom, gain))

    assert parsed(variant.data).numbers_of_iso.headrooms[1] == pytest.approx(stops, abs=1e-5)


@pytest.mark.parametrize("kind", ["jpeg", "progressive"])
def test_a_map_is_within_the_limits_of_pictures(kind):
    small = limits(pixels={kind: 48 * 32})
    bigger = limits(pixels={kind: 96 * 64})
    data = with_pictures(
        jpeg(progressive=kind != "progressive"),  # whose own limit is the other one
        map_file(light((48, 33)), xmp_segment(GRAY), progressive=kind == "progressive"),
    )

    assert inspect(data, small).gain_map is None if kind == "progressive" else True
    assert inspect(data, bigger).gain_map is not None


def test_a_map_of_too_many_bytes_is_not_copied():
    padding = [(0xE5, bytes(65_000))] * (reading.MOST_BYTES // 65_000 + 1)
    second = map_file(light((48, 32)), xmp_segment(GRAY), *padding)

    assert len(second) > reading.MOST_BYTES
    assert rendered(with_pictures(jpeg(), second)).lost == LOST
    assert rendered(with_pictures(jpeg(), second[:20_000] + second[-5_000:])).lost == LOST


def test_a_map_in_color_is_not_subsampled():
    second = opened(parsed(made(original("iso-colored")).data).second)

    assert [(across, down) for _, across, down, _ in second.layer] == [(1, 1)] * 3


def test_the_map_may_be_behind_other_pictures_but_not_behind_many():
    other, second = saved(scene((20, 20)), "JPEG"), map_file(light((48, 32)), xmp_segment(GRAY))

    assert rendered(with_pictures(jpeg(), other, second)).lost == ()
    assert rendered(with_pictures(jpeg(), b"no picture", second)).lost == ()
    assert rendered(with_pictures(jpeg(), stored_file(gamma=(0.0,) * 3), second)).lost == ()
    assert rendered(with_pictures(jpeg(), *[other] * reading.MOST_PICTURES, second)).lost == LOST


def test_a_map_is_decoded_at_the_smallest_scale_that_is_enough():
    data = original("ultra-hdr", (640, 480))
    found = gainmap.find(data, opened_header(data), LIMITS)
    assert found is not None

    decoded = gainmap.decoded(found, (160, 120))

    assert decoded is not None
    assert found.picture.size == decoded.picture.size == (40, 30)


def opened_header(data):
    return JpegImagePlugin.JpegImageFile(io.BytesIO(data))


def test_a_map_has_a_quarter_of_the_variants_sides_and_no_more_than_there_is():
    sizes = [map_size(made(original("ultra-hdr", (640, 480)), width=width)) for width in (640, 320)]
    coarse = with_pictures(jpeg(scene((640, 480))), map_file(light((32, 24)), xmp_segment(GRAY)))

    assert sizes == [(160, 120), (80, 60)]
    assert map_size(made(coarse)) == (32, 24)


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 5}, {"optimize": True}])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.98])
def test_a_map_with_a_part_missing_before_its_end_is_lost(share, options):
    """As of a transfer that stopped, and of a program that closed the file."""
    whole = map_file(light((160, 120)), xmp_segment(GRAY), **options)
    scan, end = whole.rindex(b"\xff\xda") + 10, whole.rindex(b"\xff\xd9")
    half = whole[: scan + round((end - scan) * share)].rstrip(b"\xff") + b"\xff\xd9"

    assert rendered(with_pictures(jpeg(scene((320, 240))), half)).lost == LOST
    assert rendered(with_pictures(jpeg(scene((320, 240))), whole)).lost == ()


def test_a_map_of_several_scans_is_kept():
    progressive = map_file(light((160, 120), colored=True), xmp_segment(GRAY), progressive=True)

    assert rendered(with_pictures(jpeg(scene((320, 240))), progressive)).lost == ()


def map_size(variant):
    return Image.open(io.BytesIO(parsed(variant.data).second)).size


@pytest.mark.parametrize(("low", "high"), [(0.5, 2.5), (-2.0, -0.5), (-1.0, 2.0)])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_range_that_is_widened_keeps_what_every_level_means(low, high, gamma):
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    lows, highs, gammas, zeros = (three([value] * 3) for value in (low, high, gamma, 0.0))
    before = GainMap(ramp, lows, highs, gammas, zeros, zeros, 0.0, 3.0)

    after = with_neutral(before)

    wider = max(high, 0) - min(low, 0)
    for level, found in enumerate(after.picture.tobytes()):
        stops = low + (level / 255) ** (1 / gamma) * (high - low)
        assert abs(found - 255 * ((stops - min(low, 0)) / wider) ** gamma) <= 0.501
    assert neutral(after) == round(255 * (-min(low, 0) / wider) ** gamma)


@pytest.mark.parametrize("size", [(90, 2), (2, 90)])
def test_a_picture_on_a_canvas_has_a_level_however_thin_it_is(size):
    """1 pixel of the variant is a quarter of a level."""
    variant = made(original("iso", size), width=40, height=40, fit="pad")

    assert map_size(variant) == (10, 10)


def test_a_text_with_many_beginnings_and_no_end_takes_no_time():
    text = b"http://ns.adobe.com/xap/1.0/\0http://ns.adobe.com/hdr-gain-map/1.0/" + b"hdrgm:GainMapMin>" * 3800

    data, started = stored((0xE1, text)), time.process_time()

    assert rendered(data).lost == LOST
    assert time.process_time() - started < 0.7  # it takes 0.04 s; with texts of any length 1.6 s


@settings(max_examples=60, deadline=None)
@given(
    box=st.tuples(st.integers(1, 120), st.integers(1, 90)),
    fit=st.sampled_from(["inside", "cover", "pad"]),
    gravity=st.sampled_from(["top-left", "center", "bottom"]),
    size=st.tuples(st.integers(2, 100), st.integers(2, 80)),
    kind=st.sampled_from(sorted(KINDS)),
    orientation=st.integers(1, 8),
    mark=st.sampled_from([None, Watermark(text="x", scale=0.5), Watermark(text="x", position="tile", scale=0.02)]),
)
def test_every_layout_gives_a_file_that_can_be_read(box, fit, gravity, size, kind, orientation, mark):
    data = original(kind, size, orientation=orientation)

    result = rendered(data, width=box[0], height=box[1], fit=fit, gravity=gravity, watermark=mark)

    (variant,) = result.variants
    both = parsed(variant.data)
    assert result.lost == ()
    assert opened(both.first).size == (variant.width, variant.height)
    assert opened(both.second).size >= (1, 1)
    assert both.numbers_of_iso == both.numbers_of_xmp


def test_a_map_that_is_no_multiple_of_its_variant_is_not_read_beyond_its_edge():
    """7 * (29 / 7) is more than 29."""
    data = with_pictures(jpeg(scene((70, 70))), map_file(light((29, 29)), xmp_segment(GRAY)))

    assert map_size(made(data, width=7)) == (2, 2)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_pictures_in_gray_and_in_inks_keep_their_map(mode):
    data = with_pictures(saved(scene().convert(mode), "JPEG"), map_file(light((48, 32)), xmp_segment(GRAY)))

    assert rendered(data).lost == ()
    assert facts_by_vips(made(data).data)["max-content-boost"] == pytest.approx([2**2.5] * 3, rel=0.001)


def test_segments_in_front_of_the_pictures_own_do_not_matter():
    data = with_segments(original("iso"), (0xE4, b"something"), (0xE1, b"more"))

    assert rendered(data).lost == ()
