"""What is said of the variants bucket, and where copies of it go."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from ops.cli.start.variants import ListedVariant, VariantsBucket, changes, wait_for_a_later_second
from processing.ledger import VariantRecord

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Bucket:
    """Answers get_object with the key as the content, and counts."""

    def __init__(self):
        self.asked = []

    def get_object(self, *, Bucket, Key):  # noqa: N803 - boto3's names
        self.asked.append((Bucket, Key))
        return {"Body": io.BytesIO(Key.encode())}


def variant(key):
    return VariantRecord("phone", key, "jpeg", 1, 1, 1)


def test_each_variant_is_copied_once_under_its_key(tmp_path):
    bucket = Bucket()
    saved: list[VariantRecord] = []
    keys = ["phone/a.jpg", "phone/café + bar/ñ.jpg", "desktop/a.jpg"]

    VariantsBucket(bucket, "variants").save([variant(key) for key in keys], tmp_path, saved.append)

    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")} == set(keys)
    assert all((tmp_path / key).read_text() == key for key in keys)
    assert sorted(bucket.asked) == sorted(("variants", key) for key in keys)
    assert len(saved) == 3


@pytest.mark.parametrize("key", ["../a.jpg", "phone/../../a.jpg", "/etc/a.jpg"])
def test_no_key_leads_out_of_the_folder(tmp_path, key):
    out = tmp_path / "out"

    with pytest.raises(ValueError, match="leads out of"):
        VariantsBucket(Bucket(), "variants").save([variant(key)], out, lambda _variant: None)

    assert not (tmp_path / "a.jpg").exists()


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        ({"a": ListedVariant(NOON, "1"), "b": ListedVariant(NOON, "2")}, []),
        ({"a": ListedVariant(NOON + timedelta(seconds=1), "1"), "b": ListedVariant(NOON, "2")}, ["a"]),
        ({"a": ListedVariant(NOON, "9"), "b": ListedVariant(NOON, "2")}, ["a"]),
        ({"a": ListedVariant(NOON, "1")}, ["b"]),
        ({"a": ListedVariant(NOON, "1"), "b": ListedVariant(NOON, "2"), "c": ListedVariant(NOON, "3")}, ["c"]),
    ],
)
def test_a_write_shows_as_another_time_or_etag(after, changed):
    before = {"a": ListedVariant(NOON, "1"), "b": ListedVariant(NOON, "2")}

    assert changes(before, after) == changed


def test_the_second_upload_waits_for_a_second_in_which_a_write_would_show():
    now = [NOON + timedelta(milliseconds=700)]

    def pause(seconds):
        now[0] += timedelta(seconds=seconds)

    wait_for_a_later_second({"a": ListedVariant(NOON, "1")}, now=lambda: now[0], pause=pause)

    assert now[0].replace(microsecond=0) == NOON + timedelta(seconds=1)


def test_nothing_is_waited_for_when_nothing_was_written():
    wait_for_a_later_second({}, now=lambda: NOON, pause=lambda _seconds: pytest.fail("it waited"))
