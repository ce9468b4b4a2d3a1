"""What is said of the variants bucket, and where copies of it go."""

import io
import threading
from datetime import UTC, datetime, timedelta

import pytest

from ops.cli.results import opened
from ops.cli.start.variants import ListedVariant, VariantsBucket, changes, copying, wait_for_a_later_second
from ops.errors import UsageError
from processing.ledger import Version
from tests.ops.cli.start.makers import done

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Bucket:
    """Answers get_object with the key as the content, and counts."""

    def __init__(self):
        self.asked = []

    def get_object(self, *, Bucket, Key):  # noqa: N803 - boto3's names
        self.asked.append((Bucket, Key))
        return {"Body": io.BytesIO(Key.encode())}


def image(name="cat.jpg"):
    record = done(name).record
    assert record is not None
    return record


@pytest.fixture
def results(tmp_path):
    with opened([tmp_path / "out"]) as results:
        yield results


def test_each_variant_is_copied_once_under_its_key(results):
    bucket, copied = Bucket(), list[tuple[int, int]]()
    images = [image(name) for name in ("a.jpg", "café + bar/ñ.jpg")]
    keys = [variant.key for each in images for variant in each.variants]

    with copying(VariantsBucket(bucket, "variants"), results, lambda *numbers: copied.append(numbers)) as copies:
        for each in images:
            copies.begin(each)
        made = copies.wait(lambda: False)

    assert made == {each.version for each in images}
    assert all((results.folder / key).read_text() == key for key in keys)
    assert sorted(bucket.asked) == sorted(("variants", key) for key in keys)
    assert sorted(done for done, _ in copied) == [1, 2, 3, 4]


def test_a_copy_that_hangs_does_not_keep_an_interrupted_run_from_ending(results):
    stuck, let_go = threading.Event(), threading.Event()

    class Slow(Bucket):
        def get_object(self, **asked):
            if "slow" in asked["Key"]:
                stuck.set()
                assert let_go.wait(60)
            return super().get_object(**asked)

    ended = threading.Event()

    def run():
        with copying(VariantsBucket(Slow(), "variants"), results, is_interrupted=stuck.is_set) as copies:
            copies.begin(image("cat.jpg"))
            assert copies.wait(lambda: False)
            copies.begin(image("slow.jpg"))
            made.update(copies.wait(stuck.is_set))
        ended.set()

    made: set[Version] = set()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ended.wait(30)
    finally:
        let_go.set()
        thread.join()
    assert made == {image("cat.jpg").version}


def test_what_is_in_the_way_of_a_copy_is_an_error(results):
    path = results.folder / image().variants[0].key
    path.parent.mkdir(parents=True)
    path.write_text("theirs")

    with copying(VariantsBucket(Bucket(), "variants"), results) as copies:
        copies.begin(image())
        with pytest.raises(UsageError, match="was not written by Darkroom"):
            copies.wait(lambda: False)


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
