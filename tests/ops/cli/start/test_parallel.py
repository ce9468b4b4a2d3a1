"""Work in threads, in order, until there is no time for more of it."""

import threading

import pytest

from ops.cli.start.parallel import in_turn


def never():
    return False


def test_each_item_comes_with_its_result_in_order():
    assert list(in_turn(lambda number: number * number, range(20), threads=4, until=never)) == [
        (number, number * number) for number in range(20)
    ]


def test_an_error_is_raised_and_the_rest_does_not_begin():
    begun = []

    def work(number):
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        list(in_turn(work, range(100), threads=1, until=never))

    assert len(begun) < 100


def test_what_is_in_flight_is_not_waited_for_and_what_is_ready_is_kept():
    """Two threads: the second item hangs, the third and the fourth are ready, and then it is over."""
    ready, let_go, seen = threading.Event(), threading.Event(), list[int]()
    begun = []

    def work(number):
        begun.append(number)
        if number == 1 or number > 3:
            ready.set() if number > 3 else None
            assert let_go.wait(60)
        return number

    def run():
        seen.extend(result for _, result in in_turn(work, range(50), threads=2, until=ready.is_set))
        ended.set()

    ended = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ended.wait(30)
    finally:
        let_go.set()
        thread.join()
    assert seen == [0, 2, 3]
    assert sorted(begun) == [0, 1, 2, 3, 4]
