"""What was delivered, what is in it, and how it is worked on: one object's messages in order, all others side by side.

Side by side, one image is rendered while the next are fetched and the last are published. In order, because two
messages of one object would only be in each other's way: the second would find the first one's claim.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from processing.events import Event, ObjectCreated, parse

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MessageGroup(Generic[T]):
    """What has to be worked on one after the other; ``size`` is the largest object's in bytes, None when unknown."""

    items: tuple[T, ...]
    size: int | None = None


class Executor(Protocol):
    """Does the work of every group, and returns when all of it has ended."""

    def __call__(self, work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None: ...


def grouped(items: Iterable[T], objects_of: Callable[[T], Set[str]]) -> list[tuple[T, ...]]:
    """The items in groups, so that no object is in two of them; in their order, groups and items."""
    groups: list[tuple[list[T], set[str]]] = []
    for item in items:
        objects = set(objects_of(item))
        shared = [group for group in groups if group[1] & objects]
        if not shared:
            groups.append(([item], objects))
            continue
        first, *others = shared
        for group in others:
            groups.remove(group)
            first[0].extend(group[0])
            first[1].update(group[1])
        first[0].append(item)
        first[1].update(objects)
    return [tuple(group) for group, _ in groups]


def in_this_thread(work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None:
    """In the thread that is there."""
    for group in groups:
        work(group)


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """In threads, each of which has ended when the call returns: one that Lambda freezes would wake up as a zombie.

    Args:
        threads: how many there are at most.
        space: held while a group is worked on, by the size of its objects.
    """

    threads: int
    space: Callable[[int | None], AbstractContextManager[object]]

    def __call__(self, work: Callable[[MessageGroup[T]], None], groups: Sequence[MessageGroup[T]]) -> None:
        """Do the work of every group.

        Raises:
            Exception: what the work of one of them raised, after all have ended.
        """

        def within(group: MessageGroup[T]) -> None:
            with self.space(group.size):
                work(group)

        with ThreadPoolExecutor(max(1, min(self.threads, len(groups)))) as pool:
            running = [pool.submit(within, group) for group in groups]
        for each in running:
            each.result()


@dataclass(frozen=True, slots=True)
class Message:
    """One SQS message as it was delivered."""

    id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message and the events in it, or why it cannot be read; ``position`` is its place in the batch."""

    position: int
    message: Message
    events: tuple[Event, ...] = ()
    fault: Exception | None = None

    @property
    def objects(self) -> frozenset[str]:
        return frozenset(f"{event.bucket}/{event.key}" for event in self.events)


def in_groups(messages: Sequence[Message]) -> list[MessageGroup[ParsedMessage]]:
    """The messages of one object in one group, in their order; what was received most often comes first."""
    in_turn = sorted(enumerate(messages), key=lambda each: -each[1].receive_count)
    groups = grouped((_parsed(position, message) for position, message in in_turn), lambda parsed: parsed.objects)
    return [MessageGroup(items, _largest(items)) for items in groups]


def _parsed(position: int, message: Message) -> ParsedMessage:
    try:
        return ParsedMessage(position, message, parse(message.body))
    except Exception as error:  # noqa: BLE001 - `fate_of` tells what cannot be read from a bug in reading it
        return ParsedMessage(position, message, fault=error)


def _largest(messages: Sequence[ParsedMessage]) -> int | None:
    """The size of the largest object; None where one is not told, 0 where none is to be fetched."""
    sizes = [event.size for parsed in messages for event in parsed.events if isinstance(event, ObjectCreated)]
    known = [size for size in sizes if size is not None]
    return max(known, default=0) if len(known) == len(sizes) else None
