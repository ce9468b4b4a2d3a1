"""Slow files of tests begin first, and each that is listed is there."""

from tests.order import SLOW, TESTS, place_of


def test_every_slow_file_is_there_and_named_once() -> None:
    assert [name for name in SLOW if not (TESTS / name).is_file()] == []
    assert len(set(SLOW)) == len(SLOW)


def test_slow_files_come_first_and_all_others_keep_their_order() -> None:
    others = [TESTS / name for name in ("api/test_ids.py", "test_layout.py", "api/test_picture.py")]
    slow = [TESTS / name for name in SLOW]

    assert sorted([*others, *reversed(slow)], key=place_of) == [*slow, *others]
