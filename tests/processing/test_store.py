"""The store's contract, for the double and for S3 in moto alike."""

import pytest

from processing.errors import ImageTooLarge, PreconditionFailed, SourceGone, SourceReplaced
from tests.processing.conftest import Bench, variant

KEY = "images/à la plage + b.jpg"


def test_a_fetch_returns_the_version_that_was_asked_for(bench: Bench) -> None:
    etag = bench.upload(KEY, b"pixels", "image/png")

    original = bench.store.fetch(KEY, etag, max_bytes=6)

    assert (original.body, original.content_type) == (b"pixels", "image/png")


def test_a_fetch_of_an_overwritten_version_says_that_it_was_replaced(bench: Bench) -> None:
    old = bench.upload(KEY, b"old")
    bench.upload(KEY, b"new")

    with pytest.raises(SourceReplaced):
        bench.store.fetch(KEY, old, max_bytes=100)


def test_a_fetch_of_a_removed_object_says_that_it_is_gone(bench: Bench) -> None:
    etag = bench.upload(KEY, b"old")
    bench.remove(KEY)

    with pytest.raises(SourceGone):
        bench.store.fetch(KEY, etag, max_bytes=100)


def test_a_fetch_refuses_one_byte_too_many(bench: Bench) -> None:
    etag = bench.upload(KEY, b"1234567")

    with pytest.raises(ImageTooLarge, match="7 bytes; the limit is 6"):
        bench.store.fetch(KEY, etag, max_bytes=6)


def test_the_source_is_known_by_its_etag_or_not_at_all(bench: Bench) -> None:
    etag = bench.upload(KEY, b"pixels")

    assert bench.store.source_etag(KEY) == etag
    assert bench.store.source_etag("images/other.jpg") is None


def test_a_first_put_writes_and_a_second_meets_it(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)

    with pytest.raises(PreconditionFailed):
        bench.store.put(variant("phone/a.jpg", b"two"), over=None)
    assert bench.body_of("phone/a.jpg") == b"one"


def test_a_put_over_what_was_seen_replaces_it(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one", source="e1"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None

    bench.store.put(variant("phone/a.jpg", b"two", source="e2", recipe="r2"), over=seen.etag)

    now = bench.store.variant("phone/a.jpg")
    assert now is not None
    assert (now.source_etag, now.recipe, bench.body_of("phone/a.jpg")) == ("e2", "r2", b"two")


@pytest.mark.parametrize("meanwhile", ["replaced", "removed"])
def test_a_put_over_what_is_no_longer_there_is_refused(bench: Bench, meanwhile: str) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None
    if meanwhile == "replaced":
        bench.store.put(variant("phone/a.jpg", b"two"), over=seen.etag)
    else:
        bench.store.delete("phone/a.jpg", etag=seen.etag)

    with pytest.raises(PreconditionFailed):
        bench.store.put(variant("phone/a.jpg", b"three"), over=seen.etag)


def test_a_variant_that_is_not_there_reads_as_none(bench: Bench) -> None:
    assert bench.store.variant("phone/a.jpg") is None


def test_a_delete_of_what_was_seen_removes_it(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None

    bench.store.delete("phone/a.jpg", etag=seen.etag)

    assert bench.store.variant("phone/a.jpg") is None


def test_a_delete_of_what_was_replaced_is_refused(bench: Bench) -> None:
    bench.store.put(variant("phone/a.jpg", b"one"), over=None)
    seen = bench.store.variant("phone/a.jpg")
    assert seen is not None
    bench.store.put(variant("phone/a.jpg", b"two"), over=seen.etag)

    with pytest.raises(PreconditionFailed):
        bench.store.delete("phone/a.jpg", etag=seen.etag)
    assert bench.body_of("phone/a.jpg") == b"two"


def test_a_delete_of_what_is_gone_is_well(bench: Bench) -> None:
    bench.store.delete("phone/a.jpg", etag="e1")

    assert bench.store.variant("phone/a.jpg") is None
