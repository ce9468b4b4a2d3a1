"""Messages for the uploads queue, in the form of S3 notifications, and how fast they are sent."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final
from urllib.parse import quote_plus

from ops.cli.backfill.sources import ListedObject
from ops.cli.queues import OutgoingMessage, RateLimiter, Sender, depth_of
from ops.cli.stage import Stage

Send = Callable[[Sequence[ListedObject]], None]
"""Sends at most `ops.cli.queues.MAX_ENTRIES` objects, or raises NotSent."""

GROUP: Final = "backfill"  # new uploads, which have none, overtake
POLL: Final = 2.0  # seconds between two reads of the queue's depth


@dataclass
class DepthLimit:
    """Keeps a queue from holding more than so many messages.

    Args:
        depth: messages in the queue at most. SQS counts with a delay, so this is approximate.
        held: returns how many are in the queue.
        pause: waits for so many seconds.
    """

    depth: int
    held: Callable[[], int]
    pause: Callable[[float], None] = time.sleep
    _left: int = field(default=0, init=False)

    def wait(self, messages: int) -> None:
        """Return when the queue may take so many more."""
        while self._left < messages:
            held = self.held()
            self._left = self.depth - held
            if held == 0:
                self._left = max(self._left, messages)  # an empty queue takes a batch, however low the limit
            elif self._left < messages:
                self.pause(POLL)
        self._left -= messages


def sender_for(stage: Stage, *, author: str, rate: float | None, depth: int) -> Send:
    """Returns what sends objects to the stage's queue.

    Args:
        author: the command that sends.
        rate: messages a second; None for no limit.
        depth: messages in the queue at most; 0 for no limit.
    """
    sqs = stage.client("sqs")
    sender = Sender(sqs, stage.queue_url)
    limit = DepthLimit(depth, lambda: depth_of(sqs, stage.queue_url).total) if depth else None
    limiter = RateLimiter(rate)

    def send(found: Sequence[ListedObject]) -> None:
        if limit:
            limit.wait(len(found))
        limiter.wait(len(found))
        bodies = (notification(one, bucket=stage.uploads_bucket, region=stage.region, author=author) for one in found)
        sender.send([OutgoingMessage(body, GROUP) for body in bodies])

    return send


def notification(found: ListedObject, *, bucket: str, region: str, author: str) -> str:
    """The S3 notification of an object; ``author``, the command that sends it, stands where S3 writes ``aws:s3``.

    It has no sequencer, for only S3 can give one. Its time is the object's, which the images table keeps.
    """
    record: dict[str, Any] = {
        "eventVersion": "2.1",
        "eventSource": f"darkroom:{author}",
        "awsRegion": region,
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": f"darkroom-{author}",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(found.key), "size": found.size, "eTag": found.etag},
        },
    }
    if found.modified is not None:
        record["eventTime"] = found.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return json.dumps({"Records": [record]})
