"""What the variants of an object are called."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processing.errors import UnusableKey
from processing.naming import EXTENSIONS, overlaps, variant_key, variant_keys


def named(key: str, output_format: str = "webp") -> str:
    return variant_key(f"images/{key}", prefix="images/", variant="phone", output_format=output_format)


@pytest.mark.parametrize(
    ("key", "output_format", "expected"),
    [
        ("cat.jpg", "keep", "phone/cat.jpg"),
        ("a/b/cat", "keep", "phone/a/b/cat"),
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


NAMES = st.lists(
    st.sampled_from(["a", "b", ".jpg", ".jpeg", ".png", ".webp", ".image", ".WEBP", ".tif", ".", "/"]),
    min_size=1,
    max_size=5,
).map("".join)


@given(NAMES, NAMES, st.sampled_from(["keep", *EXTENSIONS]))
@example("a", "a.webp", "webp")
@example("a.png", "a.png.webp", "webp")
@example("a.image", "a", "webp")
def test_no_two_keys_meet(one: str, other: str, output_format: str) -> None:
    try:
        meet = named(one, output_format) == named(other, output_format)
    except UnusableKey:
        return

    assert meet == (one == other)


@pytest.mark.parametrize("key", ["", "../cat.jpg", "a/../cat.jpg", "a/.", "a\0.jpg", "./cat.jpg"])
def test_a_key_that_others_would_resolve_differently_is_refused(key: str) -> None:
    with pytest.raises(UnusableKey):
        named(key)


def test_a_variants_key_never_outgrows_what_s3_takes() -> None:
    assert len(named("x" * (1024 - len("phone/")), "keep")) == 1024
    with pytest.raises(UnusableKey, match="1025 bytes"):
        named("x" * (1025 - len("phone/")), "keep")


def test_each_variant_has_its_own_folder() -> None:
    keys = variant_keys("images/cat.png", prefix="images/", formats={"phone": "webp", "tablet": "keep"})

    assert keys == {"phone": "phone/cat.png.webp", "tablet": "tablet/cat.png"}


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
