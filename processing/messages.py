"""What was delivered: messages, what is in them, and in which order they are worked on."""

from collections.abc import Sequence
from dataclasses import dataclass

from processing.events import Event, ObjectCreated, parse
from processing.spread import Chain, chained


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


def in_chains(messages: Sequence[Message]) -> list[Chain[ParsedMessage]]:
    """The messages of one object in one chain, in their order; what was received most often comes first."""
    in_turn = sorted(enumerate(messages), key=lambda each: -each[1].receive_count)
    chains = chained((_parsed(position, message) for position, message in in_turn), lambda parsed: parsed.objects)
    return [Chain(items, _largest(items)) for items in chains]


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
