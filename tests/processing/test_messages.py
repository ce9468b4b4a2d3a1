"""How a batch is spread: one object in order, the others side by side, and no thread outlives the batch."""

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from processing.concurrency import in_this_thread
from processing.messages import GroupExecutor, MessageGroup, ThreadExecutor, grouped
from tests.threads import no_thread_left

ALONE = ThreadExecutor(4, lambda size: nullcontext())


def test_what_speaks_of_one_object_stays_in_its_order() -> None:
    items = ["a1", "b1", "a2", "c1", "b2"]

    assert grouped(items, lambda item: {item[0]}) == [("a1", "a2"), ("b1", "b2"), ("c1",)]


def test_what_speaks_of_two_objects_joins_their_chains() -> None:
    assert grouped(["a", "b", "c", "ab"], set) == [("a", "b", "ab"), ("c",)]


def test_a_chain_that_was_joined_still_speaks_of_all_its_objects() -> None:
    assert grouped(["a", "bc", "ab", "c"], set) == [("a", "bc", "ab", "c")]


def test_what_speaks_of_nothing_is_a_chain_of_its_own() -> None:
    assert grouped(["", "a", ""], set) == [("",), ("a",), ("",)]


@pytest.mark.parametrize("executor", [in_this_thread, ALONE], ids=["one after another", "side by side"])
def test_every_chain_is_worked_on(executor: GroupExecutor[int]) -> None:
    done: list[int] = []

    executor(lambda group: done.extend(group.items), [MessageGroup((number,)) for number in range(20)])

    assert sorted(done) == list(range(20))


def test_chains_are_worked_on_at_once_and_no_more_than_allowed() -> None:
    def meet(at: threading.Barrier) -> Callable[[MessageGroup[int]], None]:
        def work(_: MessageGroup[int]) -> None:
            at.wait()

        return work

    four = threading.Barrier(4, timeout=10)
    ALONE(meet(four), [MessageGroup((number,)) for number in range(8)])  # breaks when fewer than four meet

    too_many = threading.Barrier(5, timeout=0.2)
    with pytest.raises(threading.BrokenBarrierError):
        ALONE(meet(too_many), [MessageGroup((number,)) for number in range(5)])


def test_every_thread_has_ended_when_the_call_returns() -> None:
    seen: list[threading.Thread] = []
    slow = threading.Event()

    def work(group: MessageGroup[int]) -> None:
        seen.append(threading.current_thread())
        slow.wait(0.05 * group.items[0])

    with no_thread_left():
        ALONE(work, [MessageGroup((number,)) for number in range(4)])

    assert len(set(seen)) > 1


def test_what_breaks_one_chain_is_told_after_the_others_have_ended() -> None:
    done: list[int] = []

    def work(group: MessageGroup[int]) -> None:
        if group.items[0] == 0:
            raise ZeroDivisionError
        done.extend(group.items)

    with pytest.raises(ZeroDivisionError):
        ALONE(work, [MessageGroup((number,)) for number in range(6)])
    assert sorted(done) == [1, 2, 3, 4, 5]


def test_the_space_of_a_chain_is_held_while_it_is_worked_on() -> None:
    sizes: list[int | None] = []

    def space(size: int | None):
        sizes.append(size)
        return nullcontext()

    ThreadExecutor(1, space)(lambda _: None, [MessageGroup((1,), 100), MessageGroup((2,), None)])

    assert sizes == [100, None]
