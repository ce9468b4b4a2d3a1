"""The events of a run: a queue gets all that the bus takes meanwhile, as a receiver's would."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ops.cli.terminal import to_json
from ops.local.event_queue import subscribed_queue
from ops.local.stack import LocalStack
from processing.ledger import Version

PATIENCE: Final = 20.0  # seconds without a new event: Lambda's window is one, a cold start two more
WINDOW: Final = 3.0  # of these: where nothing need come
MOST: Final = 10  # messages in one answer


@dataclass(frozen=True, slots=True)
class EventTotals:
    """What came from the bus: events by their detail-type, ends without one, and one event to look at."""

    bus: str
    types: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0
    example: Mapping[str, Any] | None = None

    @property
    def count(self) -> int:
        """All events."""
        return sum(self.types.values())


class EventSink:
    """A queue that a rule sends every event to.

    Args:
        check: raises when no event can come any more.
    """

    def __init__(self, sqs: Any, url: str, bus: str, check: Callable[[], None]) -> None:
        self._sqs = sqs
        self._url = url
        self._bus = bus
        self._check = check

    def collect(
        self,
        ends: Collection[Version],
        uncertain: Collection[Version] = (),
        patience: float = PATIENCE,
        *,
        until: Callable[[], bool] = lambda: False,
    ) -> EventTotals:
        """Wait for an event of each of these versions, and add theirs up; an event that comes again counts once.

        Args:
            uncertain: versions whose events may have come before this sink was there: they are not missing then.
            patience: seconds without a new one.
            until: whether to wait no longer.
        """
        missing, waited_for = (set(map(_named, versions)) for versions in (ends, [*ends, *uncertain]))
        wanted = set(waited_for)
        events: dict[str, dict[str, Any]] = {}
        last = time.monotonic()
        while waited_for and time.monotonic() < last + (patience if missing else WINDOW) and not until():
            self._check()
            for event in self._receive():
                detail = event["detail"]
                if "object" not in detail:  # Image Erased has no name
                    continue
                version = detail["object"]["bucket"], detail["object"]["key"], detail["etag"]
                if version in wanted:
                    waited_for.discard(version)
                    missing.discard(version)
                    events[detail["id"]] = event
                    last = time.monotonic()
        types = Counter(str(event["detail-type"]) for event in events.values())
        ready = (event for event in events.values() if "variants" in event["detail"])
        return EventTotals(self._bus, dict(sorted(types.items())), len(missing), next(ready, None))

    def _receive(self) -> Iterator[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=MOST, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])


def _named(version: Version) -> tuple[str, str, str]:
    return version.bucket, version.key, version.etag


@contextmanager
def receiving(stack: LocalStack) -> Iterator[EventSink | None]:
    """What receives the events of the stack while the block runs; None where it has none."""
    if "EventBus" not in stack.outputs:
        yield None
        return
    name, bus = f"events-{uuid.uuid4().hex}", stack.outputs["EventBus"]
    with subscribed_queue(stack.client, name, bus) as url:
        yield EventSink(stack.client("sqs"), url, bus, stack.raise_if_broken)


def compact(event: Mapping[str, Any]) -> str:
    """An event in one line of JSON, with the first of its variants."""
    detail = dict(event["detail"])
    first, *others = detail["variants"]
    detail["variants"] = [first, f"and {len(others)} more"] if others else [first]
    shown = {name: event[name] for name in ("source", "detail-type", "time")}
    return to_json({**shown, "detail": detail})
