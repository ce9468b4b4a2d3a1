"""Ids and keys, for names and times of all kinds."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.ids import RANDOM_BITS, created_at, id_of, is_id, key_of, new_id, safe_name
from processing.naming import variant_key

NAMES = st.text(max_size=300)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9773, 12, 31), timezones=st.just(UTC))
RANDOM = st.integers(0, 2**RANDOM_BITS - 1)


def milliseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(NAMES, TIMES, RANDOM)
def test_an_id_is_one_whatever_the_file_is_called_and_tells_when_it_was_given(
    name: str, time: datetime, random: int
) -> None:
    image_id = new_id(name, milliseconds=milliseconds(time), random=random)

    assert is_id(image_id)
    assert abs(created_at(image_id) - time) < timedelta(milliseconds=2)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", image_id)


@given(NAMES, NAMES, TIMES, TIMES, RANDOM)
def test_ids_sort_by_time(one: str, other: str, first: datetime, second: datetime, random: int) -> None:
    a, b = (
        new_id(name, milliseconds=milliseconds(time), random=random) for name, time in ((one, first), (other, second))
    )

    if milliseconds(first) < milliseconds(second):
        assert a < b


@given(NAMES, TIMES, RANDOM)
def test_every_key_is_below_the_prefix_and_can_be_given_to_variants(name: str, time: datetime, random: int) -> None:
    image_id = new_id(name, milliseconds=milliseconds(time), random=random)

    key = key_of(image_id, prefix="images/")

    assert key.startswith("images/")
    assert key.endswith(f"/{image_id}")
    assert variant_key(key, prefix="images/", variant="phone", output_format="webp").startswith("phone/")


@example("0:.0.")
@example(f"{'a' * 60}-{'b' * 60}.jpg")
@given(NAMES)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


def test_two_ids_of_one_millisecond_differ_by_their_random_part_alone() -> None:
    a, b = (new_id("cat.jpg", milliseconds=1, random=random) for random in (2**RANDOM_BITS - 1, 2**RANDOM_BITS))

    assert (a[:10], b[:10]) == ("0000000001", "0000000001")
    assert (a[10:26], b[10:26]) == ("Z" * 16, "0" * 16)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=240))
def test_every_object_has_one_id_that_leads_back_to_its_key(name: str) -> None:
    key = f"images/{name}"

    image_id = id_of(key, prefix="images/")

    assert key_of(image_id, prefix="images/") == key
    assert re.fullmatch(r"[A-Za-z0-9._-]+", image_id)


@given(NAMES, TIMES, RANDOM)
def test_an_image_that_the_api_takes_keeps_its_id_as_an_object(name: str, time: datetime, random: int) -> None:
    image_id = new_id(name, milliseconds=milliseconds(time), random=random)

    assert id_of(key_of(image_id, prefix="images/"), prefix="images/") == image_id


def test_an_object_with_the_name_of_an_id_in_another_folder_is_another_object() -> None:
    image_id = new_id("cat.jpg", milliseconds=1, random=1)

    other = id_of(f"images/holiday/{image_id}", prefix="images/")

    assert other.startswith("k")
    assert key_of(other, prefix="images/") == f"images/holiday/{image_id}"


def test_without_a_prefix_ids_are_the_same() -> None:
    assert key_of(id_of("a.jpg", prefix=""), prefix="") == "a.jpg"


@pytest.mark.parametrize(
    "text",
    [
        *("", "k", "kA", "x", "kYS5qcGc=", "kYS5qcGc\n", "k YS5qcGc", "kYS5qcGd", "kYS+qcGc", "kgICA", "kAA", "ké"),
        "k" + "YWFh" * 340 + "YWFhYQ",  # 1,024 bytes below the prefix
        "kMTk3MC0wMS0wMS8wMDAwMDAwMDAxMDAwMDAwMDAwMDAwMDAwMS1jYXQuanBn",  # an image that the API takes, encoded
        "7ZZZZZZZZZZZZZZZZZZZZZZZZZ-x.jpg",  # after the year 9774
    ],
)
def test_what_leads_to_no_key_or_to_one_that_has_another_id_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="is no id"):
        key_of(text, prefix="images/")
