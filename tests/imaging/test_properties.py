"""What holds for every picture and every box: hypothesis looks for one for which it does not."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from processing.geometry import GAP, lay_out, place, plan
from processing.imaging import render
from processing.imaging.resize import resize, simd_is_sound
from tests.corpus import sample, samples, scene
from tests.corpus.samples import saved
from tests.imaging.making import FORMATS, made, opened, recipe, rendered, spec

LONGEST = 16_383  # the longest side of a WebP, and of any variant
SIDES = st.integers(1, 20_000)
SMALL = st.integers(1, 90)
BOXES = st.one_of(
    st.fixed_dictionaries({"width": SIDES, "height": SIDES}),
    st.fixed_dictionaries({"width": SIDES, "height": st.none()}),
    st.fixed_dictionaries({"width": st.none(), "height": SIDES}),
)
PLACES = st.sampled_from(["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom"])


def same_shape(size, other):
    """Whether the shorter sides differ from the same aspect by less than a pixel; one pixel is the least there is."""
    (w, h), (x, y) = size, other
    return abs(w * y - h * x) <= max(w, h) or (min(x, y) == 1 and min(w * y / h, h * x / w) < 1.5)


@given(size=st.tuples(SIDES, SIDES), box=BOXES)
def test_inside_fits_the_box_keeps_the_aspect_and_is_as_large_as_it_can_be(size, box):
    frame = lay_out(spec(**box), size).frame

    limit = (min(box["width"] or LONGEST, size[0]), min(box["height"] or LONGEST, size[1]))
    assert frame[0] <= limit[0]
    assert frame[1] <= limit[1]
    assert same_shape(size, frame)
    assert frame[0] == limit[0] or frame[1] == limit[1]


@given(size=st.tuples(SIDES, SIDES), box=st.tuples(SIDES, SIDES), gravity=PLACES)
def test_cover_has_the_shape_of_the_box_is_cut_from_within_and_never_enlarged(size, box, gravity):
    layout = lay_out(spec(width=box[0], height=box[1], fit="cover", gravity=gravity), size)

    left, top, right, bottom = layout.crop or (0, 0, *layout.frame)
    cut = (right - left, bottom - top)
    assert same_shape(size, layout.frame)
    assert all(a <= b for a, b in zip(layout.frame, size, strict=True))
    assert left >= 0 and top >= 0  # noqa: PT018
    assert right <= layout.frame[0] and bottom <= layout.frame[1]  # noqa: PT018
    assert same_shape(box, cut)
    assert cut == box or any(a == b for a, b in zip(cut, size, strict=True))


@given(size=st.tuples(SIDES, SIDES), box=st.tuples(SIDES, SIDES))
def test_pad_is_exactly_the_box_around_a_picture_that_is_not_enlarged(size, box):
    layout = lay_out(spec(width=box[0], height=box[1], fit="pad"), size)

    assert (layout.canvas or layout.frame) == box
    assert all(a <= min(b, c) for a, b, c in zip(layout.frame, box, size, strict=True))
    assert same_shape(size, layout.frame)


@given(outer=st.tuples(SIDES, SIDES), inner=st.tuples(SIDES, SIDES), where=PLACES, margin=st.integers(0, 99))
def test_a_place_is_never_before_the_edge(outer, inner, where, margin):
    left, top = place(inner, outer, where, margin)

    assert min(left, top) >= 0
    if all(a + 2 * margin <= b for a, b in zip(inner, outer, strict=True)):
        assert left + inner[0] <= outer[0]
        assert top + inner[1] <= outer[1]


@given(size=st.tuples(SIDES, SIDES), boxes=st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=6))
def test_a_variant_is_made_from_one_that_is_large_enough_and_comes_before_it(size, boxes):
    layouts = plan([spec(str(number), width=w, height=h) for number, (w, h) in enumerate(boxes)], size)

    done: dict[str, tuple[int, int]] = {}
    for layout in layouts:
        if layout.parent is not None:
            larger = done[layout.parent]
            for a, b in zip(larger, layout.frame, strict=True):
                assert a == b or a >= GAP * b
        done[layout.spec.name] = layout.frame
    assert len(done) == len(boxes)
    assert layouts[0].parent is None


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(SMALL, SMALL),
    box=st.tuples(SMALL, SMALL),
    fit=st.sampled_from(["inside", "cover", "pad"]),
    output=st.sampled_from(FORMATS),
    mode=st.sampled_from(["RGB", "RGBA", "L", "1", "P"]),
)
def test_what_comes_out_decodes_and_is_as_large_as_it_says(size, box, fit, output, mode):
    original = saved(scene(size).convert(mode), "PNG")

    result = rendered(original, width=box[0], height=box[1], fit=fit, format=output)

    (variant,) = result.variants
    layout = lay_out(spec(width=box[0], height=box[1], fit=fit), size)
    cut = layout.crop and (layout.crop[2] - layout.crop[0], layout.crop[3] - layout.crop[1])
    assert opened(variant.data).size == (variant.width, variant.height) == (layout.canvas or cut or layout.frame)
    assert opened(variant.data).format.lower() == variant.format
    assert variant.content_type == f"image/{variant.format}"


EVERYTHING = recipe(
    spec("wide", width=80, height=80, format="jpeg", progressive=True),
    spec("small", width=20, height=20, format="webp"),
    spec("square", width=30, height=30, fit="cover", format="png"),
    spec("framed", width=50, height=50, fit="pad", format="avif"),
    spec("same", width=40, height=40, format="keep"),
)


@pytest.mark.parametrize(
    "name", ["jpeg-baseline", "png-alpha", "gif-animated", "webp-animated-alpha", "tiff-cmyk-profile"]
)
def test_the_same_bytes_come_out_for_the_same_bytes_in_the_order_of_the_recipe(name):
    first, second = render(sample(name).data, EVERYTHING), render(sample(name).data, EVERYTHING)

    assert first == second
    assert [each.name for each in first.variants] == ["wide", "small", "square", "framed", "same"]


def test_threads_make_what_one_thread_makes():
    """Each thread its own resizer, all of them the same transforms and marks."""
    originals = [each.data for each in samples() if not each.moves]
    alone = [render(data, EVERYTHING) for data in originals]

    with ThreadPoolExecutor(4) as pool:
        side_by_side = list(pool.map(lambda data: render(data, EVERYTHING), originals * 2))

    assert side_by_side == alone * 2


def test_the_rest_of_a_recipe_does_not_change_a_variant_beyond_what_resizing_twice_does():
    small = spec("small", width=20, height=20, format="png")
    alone = render(sample("jpeg-baseline").data, recipe(small)).variants[0]
    among = render(sample("jpeg-baseline").data, recipe(small, spec("large", width=90, format="png"))).variants[0]

    one, other = opened(alone.data), opened(among.data)
    assert one.size == other.size
    assert max(abs(a - b) for a, b in zip(one.tobytes(), other.tobytes(), strict=True)) < 48


def test_variants_that_come_out_the_same_have_their_own_names():
    """An original smaller than both boxes."""
    result = render(sample("png-rgb").data, recipe(spec("a", width=500), spec("b", width=900)))

    a, b = result.variants
    assert (a.name, b.name) == ("a", "b")
    assert a.data == b.data


def test_variants_that_differ_in_one_setting_are_not_taken_for_the_same():
    quality = [spec(f"q{number}", format="jpeg", quality=number) for number in (20, 90)]
    first, second = render(sample("png-rgb").data, recipe(*quality)).variants

    assert len(first.data) < len(second.data)


@pytest.mark.skipif(not simd_is_sound(), reason="the resizer has no wheel for this machine: Pillow does the work")
@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    part=st.tuples(st.floats(0.02, 1), st.floats(0.02, 1)),
    mode=st.sampled_from(["L", "RGB", "CMYK"]),
)
def test_simd_and_pillow_resize_alike(size, part, mode):
    soft = scene(size).point(lambda level: 64 + level // 2)  # where Lanczos overshoots, each clips at another moment
    picture = soft.convert(mode)
    smaller = (max(1, int(size[0] * part[0])), max(1, int(size[1] * part[1])))

    by_simd, by_pillow = resize(picture, smaller), picture.resize(smaller, Image.Resampling.LANCZOS)

    assert by_simd.size == smaller
    assert max(abs(a - b) for a, b in zip(by_simd.tobytes(), by_pillow.tobytes(), strict=True)) <= 2


@pytest.mark.parametrize("output", FORMATS)
def test_the_longest_pictures_come_out_as_long_as_every_format_can_hold(output):
    original = saved(Image.new("L", (1, 17_000), 90), "PNG")

    variant = made(original, format=output, width=1, height=None)

    assert (variant.width, variant.height) == (1, LONGEST)


def test_the_most_detailed_settings_are_honored():
    """Effort and quality trade bytes for CPU or looks, each in its own format."""
    png = [render(sample("tiff-rgb").data, recipe(spec(format="png", effort=each))).variants[0] for each in (0, 9)]
    sizes = [len(each.data) for each in png]
    progressive = render(sample("png-rgb").data, recipe(spec(format="jpeg", progressive=True))).variants[0]

    assert sizes[1] < sizes[0] / 2
    assert opened(png[0].data).tobytes() == opened(png[1].data).tobytes()
    assert "progressive" in opened(progressive.data).info
    assert re.search(rb"\xff\xc2", progressive.data)
