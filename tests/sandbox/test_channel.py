"""What goes between the consumer and a child: whole, in its order, and believed only as far as it goes."""

import json
import os
from collections.abc import Iterator

import pytest

from processing.sandbox.processes import (
    MAX_BODY_BYTES,
    MAX_FILE_BYTES,
    Channel,
    ChannelClosed,
    NotDelivered,
    ProtocolError,
)

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = Channel.pair()
    yield ours, theirs
    for end in (ours, theirs):
        end.close()


def held(end: Channel) -> int:
    """Bytes of the file that this end reads."""
    return os.fstat(end.descriptors[2]).st_size


def test_the_parts_of_a_body_arrive_as_one_in_either_direction(ends: Ends) -> None:
    for one, other in (ends, reversed(ends)):
        one.send({"name": "a"}, [b"left", b"", b"right"])

        assert other.receive(1) == ({"name": "a"}, b"leftright")


def test_a_shorter_body_carries_nothing_of_the_longer_one_before(ends: Ends) -> None:
    ours, theirs = ends
    for body in (b"a long body", b"short", b""):
        ours.send({}, [body])

        assert theirs.receive(1) == ({}, body)


def test_the_memory_of_a_large_body_is_given_back_and_that_of_a_small_one_kept(ends: Ends) -> None:
    ours, theirs = ends
    for size, left in ((MAX_FILE_BYTES + 1, 0), (MAX_FILE_BYTES, MAX_FILE_BYTES)):
        ours.send({}, [bytes(size)])
        theirs.receive(1)

        assert held(theirs) == left


@pytest.mark.parametrize("size", [-1, 6, MAX_BODY_BYTES + 1])
def test_a_body_that_is_not_there_is_not_believed(ends: Ends, size: int) -> None:
    ours, theirs = ends
    os.pwrite(theirs.descriptors[1], b"short", 0)
    os.ftruncate(theirs.descriptors[1], 5 if size <= MAX_BODY_BYTES else 2 * MAX_BODY_BYTES)
    theirs._end.sendall(json.dumps([{}, size]).encode())

    with pytest.raises(ProtocolError):
        ours.receive(1)


@pytest.mark.parametrize("line", ["{", "[]", "[[], 0]", '[{}, "0"]', "[{}, null]", "null", "7", "\xff", "[" * 5000])
def test_what_is_no_message_is_not_believed(ends: Ends, line: str) -> None:
    ours, theirs = ends
    theirs._end.sendall(line.encode("latin-1"))

    with pytest.raises(ProtocolError):
        ours.receive(1)


def test_an_end_that_was_handed_over_carries_messages_of_its_own(ends: Ends) -> None:
    ours, theirs = ends
    one, other = Channel.pair()
    ours.send({"name": "a"}, passing=other)
    other.close()
    message, other = theirs.receive_channel()
    one.send({"name": "b"}, [b"body"])

    assert message == {"name": "a"}
    assert other.receive(1) == ({"name": "b"}, b"body")


def test_an_end_that_is_closed_twice_closes_no_other_file(ends: Ends) -> None:
    ours, _ = ends
    ours.close()
    one, other = Channel.pair()  # takes the numbers that are free now
    ours.close()
    one.send({}, [b"body"])

    assert other.receive(1) == ({}, b"body")


def test_what_was_sent_to_a_side_that_ended_without_reading_it_is_unread(ends: Ends) -> None:
    ours, theirs = ends
    ours.send({})
    theirs.close()

    with pytest.raises(NotDelivered):
        ours.receive(1)
    with pytest.raises(NotDelivered):
        ours.send({})


def test_what_was_read_before_the_side_ended_is_not_unread(ends: Ends) -> None:
    ours, theirs = ends
    ours.send({})
    theirs.receive(1)
    theirs.close()

    with pytest.raises(ChannelClosed) as error:
        ours.receive(1)

    assert not isinstance(error.value, NotDelivered)


def test_nothing_in_time_is_a_timeout_and_an_ended_side_is_gone(ends: Ends) -> None:
    ours, theirs = ends
    with pytest.raises(TimeoutError):
        ours.receive(0.01)
    theirs.close()

    with pytest.raises(ChannelClosed):
        ours.receive(1)
    with pytest.raises(ChannelClosed):
        ours.send({})
