"""What the variants of an object are called, and which formats its key decides."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processing.errors import UnusableKey
from processing.naming import EXTENSIONS, NEVER_WRITTEN, overlaps, plan_of, variant_key
from processing.recipe import Recipe
from tests.builders import changed, recipe


def named(key: str, output_format: str = "webp") -> str:
    return variant_key(f"images/{key}", prefix="images/", variant="phone", output_format=output_format)


@pytest.mark.parametrize(
    ("key", "output_format", "expected"),
    [
        ("cat.jpg", "keep", "phone/cat.jpg"),
        ("a/b/cat", "keep", "phone/a/b/cat"),
        ("cat.svg", "keep", "phone/cat.svg"),
        ("cat.heic/cat.png", "keep", "phone/cat.heic/cat.png"),
        ("cat.heic", "keep", "phone/cat.heic.jpg"),
        ("IMG_0001.HEIC", "keep", "phone/IMG_0001.HEIC.jpg"),
        ("cat.heif", "keep", "phone/cat.heif.jpg"),
        ("scan.tif", "keep", "phone/scan.tif.jpg"),
        ("scan.Tiff", "keep", "phone/scan.Tiff.jpg"),
        ("old.bmp", "keep", "phone/old.bmp.jpg"),
        ("cat.heic.jpg", "keep", "phone/cat.heic.jpg.jpg"),
        ("cat.heic.jpg.jpg", "keep", "phone/cat.heic.jpg.jpg.jpg"),
        ("cat.heic.JPG", "keep", "phone/cat.heic.JPG"),
        ("cat.heic.jpeg", "keep", "phone/cat.heic.jpeg"),
        ("cat.heic", "jpeg", "phone/cat.heic.jpg"),
        ("cat.heic", "webp", "phone/cat.heic.webp"),
        ("cat.jpg", "jpeg", "phone/cat.jpg"),
        ("CAT.JPEG", "jpeg", "phone/CAT.JPEG"),
        ("cat.png", "webp", "phone/cat.png.webp"),
        ("cat.webp", "webp", "phone/cat.webp"),
        ("cat.png.webp", "webp", "phone/cat.png.webp.webp"),
        ("cat", "webp", "phone/cat.image.webp"),
        ("v1.2/cat", "jpeg", "phone/v1.2/cat.image.jpg"),
    ],
)
def test_a_key_keeps_its_name_and_tells_the_format(key: str, output_format: str, expected: str) -> None:
    assert named(key, output_format) == expected


FORMATS = ["keep", *EXTENSIONS]
BEHIND = [".jpg", ".JPG", ".jpeg", ".png", ".webp", ".image", ".WEBP", ".heic", ".HEIC", ".tif", ".bmp", ".svg"]
NAMES = st.lists(st.sampled_from(["a", "b", *BEHIND, ".", "/"]), min_size=1, max_size=5).map("".join)


@given(NAMES, NAMES, st.sampled_from(FORMATS))
@example("a", "a.webp", "webp")
@example("a.png", "a.png.webp", "webp")
@example("a.image", "a", "webp")
@example("a.heic", "a.heic.jpg", "keep")
@example("a.heic.jpg", "a.heic.jpg.jpg", "keep")
def test_no_two_keys_meet(one: str, other: str, output_format: str) -> None:
    try:
        meet = named(one, output_format) == named(other, output_format)
    except UnusableKey:
        return

    assert meet == (one == other)


@given(NAMES, st.lists(st.sampled_from(BEHIND), max_size=3), st.sampled_from(FORMATS))
def test_no_key_meets_one_that_continues_it(one: str, behind: list[str], output_format: str) -> None:
    try:
        meet = named(one, output_format) == named(one + "".join(behind), output_format)
    except UnusableKey:
        return

    assert meet == (not behind)


@given(NAMES, st.sampled_from(FORMATS))
def test_no_variant_has_a_name_of_a_format_that_is_never_written(key: str, output_format: str) -> None:
    try:
        made = named(key, output_format)
    except UnusableKey:
        return

    assert not made.lower().endswith(NEVER_WRITTEN)


@pytest.mark.parametrize("key", ["", "../cat.jpg", "a/../cat.jpg", "a/.", "a\0.jpg", "./cat.jpg"])
def test_a_key_that_others_would_resolve_differently_is_refused(key: str) -> None:
    with pytest.raises(UnusableKey):
        named(key)


def test_a_variants_key_never_outgrows_what_s3_takes() -> None:
    assert len(named("x" * (1024 - len("phone/")), "keep")) == 1024
    with pytest.raises(UnusableKey, match="1025 bytes"):
        named("x" * (1025 - len("phone/")), "keep")


def mixed() -> Recipe:
    """A recipe that keeps the format of one variant."""
    return changed(recipe("phone", "tablet"), "phone", format="webp")


def test_each_variant_has_its_own_folder() -> None:
    assert plan_of(mixed(), "images/cat.png", prefix="images/").keys == {
        "phone": "phone/cat.png.webp",
        "tablet": "tablet/cat.png",
    }


@pytest.mark.parametrize("key", ["cat.heic", "cat.TIFF", "cat.heic.jpg", "a.bmp.jpg.jpg"])
def test_a_key_that_becomes_a_jpegs_has_jpegs_where_the_recipe_keeps_formats(key: str) -> None:
    plan = plan_of(mixed(), f"images/{key}", prefix="images/")

    assert plan.recipe == changed(mixed(), "tablet", format="jpeg")
    assert plan.keys == {"phone": f"phone/{key}.webp", "tablet": f"tablet/{key}.jpg"}


@pytest.mark.parametrize("key", ["cat", "cat.jpg", "cat.png", "cat.svg", "cat.heic/cat", "cat.heic.png", "heic"])
def test_any_other_key_leaves_the_recipe_as_it_is(key: str) -> None:
    assert plan_of(mixed(), f"images/{key}", prefix="images/").recipe == mixed()


@given(NAMES)
def test_the_name_and_the_format_are_decided_by_one_rule(key: str) -> None:
    try:
        plan = plan_of(recipe("phone"), f"images/{key}", prefix="images/")
    except UnusableKey:
        return

    assert (plan.recipe.variants[0].format == "jpeg") == (plan.keys["phone"] == f"phone/{key}.jpg")


@pytest.mark.parametrize(
    ("variants_bucket", "prefix", "found"),
    [
        ("other", "", []),
        ("uploads", "images/", []),
        ("uploads", "", ["phone", "tablet"]),
        ("uploads", "phone/", ["phone"]),
        ("uploads", "phone/in/", ["phone"]),
        ("uploads", "pho", ["phone"]),
    ],
)
def test_variants_that_would_be_taken_for_uploads_are_found(
    variants_bucket: str, prefix: str, found: list[str]
) -> None:
    names = ["phone", "tablet"]

    assert overlaps(uploads_bucket="uploads", prefix=prefix, variants_bucket=variants_bucket, variants=names) == found
